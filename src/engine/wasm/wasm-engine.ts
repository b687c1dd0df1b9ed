import type { EngineOptions } from '../engine.ts';
import { type Kernel, KernelEngine } from '../kernel/kernel-engine.ts';

/**
 * The wasm engine: gives the bits of the reference engine, about 20 times as fast. The arithmetic is in assembly/.
 *
 * module: from loadKernel(), compiled once per process; each engine is an instance with its own memory.
 */
export function createWasmEngine(module: WebAssembly.Module, options: EngineOptions): KernelEngine {
  return new KernelEngine(
    (memory) => new WebAssembly.Instance(module, { env: { memory } }).exports as Kernel,
    options,
  );
}
