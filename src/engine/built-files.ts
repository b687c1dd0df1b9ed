import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where `npm run build` puts what is no JavaScript, seen from this file: in dist/ beside it, from the trainer's bundle in
 * dist/workers/, and from src/, where tests run, in the dist/ that was built last.
 */
const PLACES = ['./', '../src/engine/', '../../dist/src/engine/'];

/** The path of a file of the build, given from dist/src/engine/; undefined where the build made none. */
export function findBuilt(name: string): string | undefined {
  const files = PLACES.map((place) => fileURLToPath(new URL(place + name, import.meta.url)));
  return files.find((file) => existsSync(file));
}
