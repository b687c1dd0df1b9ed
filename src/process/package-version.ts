import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Version of this package, from the package.json above the source or compiled file. */
export function packageVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
    } catch {
      // src/ and dist/src/ differ in depth.
    }
  }
  throw new Error('package.json not found');
}
