import { readFile } from 'node:fs/promises';
import { findBuilt } from '../built-files.ts';

/**
 * Finds and compiles the kernel, since the arithmetic of the wasm engine does not exist as JavaScript. Besides
 * native-module.ts it is the one file of this room that reads a file.
 */

let loading: Promise<WebAssembly.Module | string> | undefined;

/** The compiled kernel, compiled once a process; or, for people, why there is none. */
export function loadKernel(): Promise<WebAssembly.Module | string> {
  loading ??= compileKernel();
  return loading;
}

async function compileKernel(): Promise<WebAssembly.Module | string> {
  const file = findBuilt('wasm/kernel.wasm');
  if (file === undefined) return 'kernel.wasm is not there: npm run build makes it';
  const bytes = await readFile(file);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    // A CPU without SIMD, or a damaged file.
    return `kernel.wasm does not compile here: ${error instanceof Error ? error.message : error}`;
  }
}
