import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { type Engine, type EngineOptions, RULES_VERSION } from './engine.ts';
import { createReferenceEngine } from './reference.ts';
import { createWasmEngine } from './wasm.ts';
import { loadKernel } from './wasm-module.ts';

/** Which engines there are, and which of them load on this machine. */

export type LoadedEngine = {
  readonly available: true;
  readonly name: EngineName;
  readonly version: string;
  /** What the arithmetic runs on, for people. */
  readonly backend: string;
  create(options: EngineOptions): Engine;
};

export type MissingEngine = {
  readonly available: false;
  readonly name: EngineName;
  /** Why it does not load here, for people. */
  readonly reason: string;
};

/** Every engine of the contract has its loader here; the fastest comes first, which is what `auto` means. */
const LOADERS: { readonly [Name in EngineName]: () => Promise<LoadedEngine | MissingEngine> } = {
  wasm: async () => {
    const kernel = await loadKernel();
    if (typeof kernel === 'string') return { available: false, name: 'wasm', reason: kernel };
    return {
      available: true,
      name: 'wasm',
      version: String(RULES_VERSION),
      backend: 'WebAssembly SIMD',
      create: (options) => createWasmEngine(kernel, options),
    };
  },
  reference: async () => ({
    available: true,
    name: 'reference',
    version: String(RULES_VERSION),
    backend: 'JavaScript',
    create: createReferenceEngine,
  }),
};

/** All engines, fastest first, each loaded or with the reason why not. */
export function listEngines(): Promise<(LoadedEngine | MissingEngine)[]> {
  return Promise.all(Object.values(LOADERS).map((load) => load()));
}

/** The engine of that name; for `auto` the fastest that loads. A missing engine is a value, not an error. */
export async function loadEngine(name: JobSpec['engine']): Promise<LoadedEngine | MissingEngine> {
  if (name !== 'auto') return LOADERS[name]();
  const engines = await listEngines();
  return engines.find((engine) => engine.available) ?? engines[0]!;
}
