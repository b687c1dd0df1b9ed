import { createRequire } from 'node:module';
import type { NativeAddon } from './native-engine.ts';

/** Finds and loads native.node, the native engine's arithmetic, as wasm-module.ts does that of the wasm engine. */

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
