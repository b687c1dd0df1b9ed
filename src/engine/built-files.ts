import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where `npm run build` puts files that are not JavaScript, relative to this module: as compiled in dist/, as part of
 * the trainer's bundle in dist/workers/, and in src/, where tests run it and use the dist/ that was built last.
 */
const PLACES = ['./', '../src/engine/', '../../dist/src/engine/'];

/** The path of a built file, from its name relative to dist/src/engine/; undefined if the build did not make it. */
export function findBuilt(name: string): string | undefined {
  const files = PLACES.map((place) => fileURLToPath(new URL(place + name, import.meta.url)));
  return files.find((file) => existsSync(file));
}
