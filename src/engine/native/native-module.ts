import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from './native-engine.ts';

/** Finds and loads native.node, the native engine's arithmetic, as wasm-module.ts does that of the wasm engine. */

/** Beside this file in dist/; seen from src/, where tests run, in the dist/ that `npm run build` filled. */
const PLACES = ['./', '../../../dist/src/engine/native/'];

/** The path of a file that `npm run build` made; undefined where it made none. */
export function findBuilt(name: string): string | undefined {
  const files = PLACES.map((place) => fileURLToPath(new URL(place + name, import.meta.url)));
  return files.find((file) => existsSync(file));
}

export const NO_ADDON = 'native.node is not there: npm run build makes it where there is a C compiler';

/**
 * The loaded addon; or, for people, why there is none. A file that breaks its process breaks this one: native-check.ts
 * finds out in another.
 */
export function loadAddon(file: string | undefined): NativeAddon | string {
  if (file === undefined) return NO_ADDON;
  try {
    return createRequire(import.meta.url)(file) as NativeAddon;
  } catch (error) {
    return `native.node does not load here: ${error instanceof Error ? error.message : error}`;
  }
}
