import { readFile } from 'node:fs/promises';

/**
 * Finds and compiles the kernel, since the arithmetic of the wasm engine does not exist as JavaScript. Besides
 * native-module.ts it is the one file of this room that reads a file.
 */

/** Beside this file in dist/; seen from src/, where tests run, in the dist/ that `npm run build` filled. */
const PLACES = ['./kernel.wasm', '../../../dist/src/engine/wasm/kernel.wasm'];

let loading: Promise<WebAssembly.Module | string> | undefined;

/** The compiled kernel, compiled once a process; or, for people, why there is none. */
export function loadKernel(): Promise<WebAssembly.Module | string> {
  loading ??= compileKernel();
  return loading;
}

async function compileKernel(): Promise<WebAssembly.Module | string> {
  for (const place of PLACES) {
    const bytes = await readIfThere(new URL(place, import.meta.url));
    if (bytes === undefined) continue;
    try {
      return await WebAssembly.compile(bytes);
    } catch (error) {
      // A CPU without SIMD, or a damaged file.
      return `kernel.wasm does not compile here: ${error instanceof Error ? error.message : error}`;
    }
  }
  return 'kernel.wasm is not there: npm run build makes it';
}

async function readIfThere(file: URL): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
