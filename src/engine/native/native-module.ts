import { createRequire } from 'node:module';
import type { NativeAddon } from './native-engine.ts';

/** Loads native.node, the arithmetic of the native engine. */

export const NO_ADDON = 'native.node is missing: npm run build makes it on machines with a C compiler';

/**
 * The loaded addon, or text for people that explains why it does not load. A broken file may crash the process;
 * native-check.ts tries it in a child first.
 */
export function loadAddon(file: string | undefined): NativeAddon | string {
  if (file === undefined) return NO_ADDON;
  try {
    return createRequire(import.meta.url)(file) as NativeAddon;
  } catch (error) {
    return `native.node does not load here: ${error instanceof Error ? error.message : error}`;
  }
}
