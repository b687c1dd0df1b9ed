import type { EngineOptions } from '../engine.ts';
import { type Kernel, KernelEngine } from '../kernel/kernel-engine.ts';

/**
 * The wasm engine: the bits of the reference engine, about 20 times as fast. The arithmetic is in assembly/.
 *
 * module: what loadKernel() gives, compiled once a process; each engine is an instance with a memory of its own.
 */
export function createWasmEngine(module: WebAssembly.Module, options: EngineOptions): KernelEngine {
  return new KernelEngine(
    (memory) => new WebAssembly.Instance(module, { env: { memory } }).exports as Kernel,
    options,
  );
}
