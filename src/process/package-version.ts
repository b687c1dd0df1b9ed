import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Version of this package, from the package.json above the compiled or the source file. */
export function packageVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
    } catch {
      // src/ and dist/src/ are not equally deep.
    }
  }
  throw new Error('package.json not found');
}
