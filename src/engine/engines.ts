import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { type Engine, type EngineOptions, RULES_VERSION } from './engine.ts';
import { createNativeEngine } from './native.ts';
import { nativeFault } from './native-check.ts';
import { findBuilt, loadAddon } from './native-module.ts';
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
  native: async () => {
    const addon = loadAddon(findBuilt('native.node'));
    if (typeof addon === 'string') return { available: false, name: 'native', reason: addon };
    return {
      available: true,
      name: 'native',
      version: String(RULES_VERSION),
      backend: `C, ${addon.widths[0]!.name}`,
      create: (options) => createNativeEngine(addon, options),
    };
  },
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

/** All engines, fastest first, each loaded or with the reason why not. What others compiled is checked before. */
export async function listEngines(): Promise<(LoadedEngine | MissingEngine)[]> {
  const fault = await nativeFault();
  return Promise.all(
    (Object.keys(LOADERS) as EngineName[]).map((name) =>
      name === 'native' && fault !== undefined ? { available: false, name, reason: fault } : LOADERS[name](),
    ),
  );
}

/**
 * The engine of that name, unchecked: for processes that have the name from one that listed the engines. For `auto` the
 * fastest that listEngines() offers. A missing engine is a value, not an error.
 */
export async function loadEngine(name: JobSpec['engine']): Promise<LoadedEngine | MissingEngine> {
  if (name !== 'auto') return LOADERS[name]();
  const engines = await listEngines();
  return engines.find((engine) => engine.available) ?? engines[0]!;
}
