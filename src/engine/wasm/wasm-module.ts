import { readFile } from 'node:fs/promises';
import { findBuilt } from '../built-files.ts';

/**
 * Loads and compiles the kernel: the arithmetic of the wasm engine, which does not exist as JavaScript.
 */

let loading: Promise<WebAssembly.Module | string> | undefined;

/** The kernel, compiled once per process, or text for people that explains why it does not load. */
export function loadKernel(): Promise<WebAssembly.Module | string> {
  loading ??= compileKernel();
  return loading;
}

async function compileKernel(): Promise<WebAssembly.Module | string> {
  const file = findBuilt('wasm/kernel.wasm');
  if (file === undefined) return 'kernel.wasm is missing: npm run build makes it';
  const bytes = await readFile(file);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    // A CPU without SIMD, or a damaged file.
    return `kernel.wasm does not compile here: ${error instanceof Error ? error.message : error}`;
  }
}
