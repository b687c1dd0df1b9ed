import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { findBuilt } from './built-files.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { nativeFault } from './native/native-check.ts';
import { createNativeEngine } from './native/native-engine.ts';
import { loadAddon } from './native/native-module.ts';
import { createReferenceEngine } from './reference/reference.ts';
import { RULES_VERSION } from './rules.ts';
import { createTensorFlowEngine } from './tensorflow/tensorflow-engine.ts';
import { findTensorFlow, loadTensorFlow } from './tensorflow/tensorflow-module.ts';
import { createWasmEngine } from './wasm/wasm-engine.ts';
import { loadKernel } from './wasm/wasm-module.ts';

/** Lists the engines, and loads those that work on this machine. */

export interface FoundEngine {
  readonly available: true;
  readonly name: EngineName;
  readonly version: string;
  /** What the arithmetic runs on, as text for people. */
  readonly backend: string;
  /** Why it does not run on something faster, as text for people. */
  readonly reason?: string | null;
}

export type LoadedEngine = FoundEngine & { create(options: EngineOptions): Engine };

export interface MissingEngine {
  readonly available: false;
  readonly name: EngineName;
  /** Why it does not load here, as text for people. */
  readonly reason: string;
}

/** A loader for every engine of the contract, fastest first: `auto` takes the first that is available. */
const LOADERS: { readonly [Name in EngineName]: () => Promise<LoadedEngine | MissingEngine> } = {
  native: async () => {
    const addon = loadAddon(findBuilt('native/native.node'));
    if (typeof addon === 'string') return { available: false, name: 'native', reason: addon };
    return {
      available: true,
      name: 'native',
      version: String(RULES_VERSION),
      backend: `C, ${addon.widths[0].name}`,
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
  // After the reference engine, which always loads: auto must never choose an engine with other bits.
  tensorflow: async () => {
    const loaded = await loadTensorFlow();
    if (typeof loaded === 'string') return { available: false, name: 'tensorflow', reason: loaded };
    const { tensorflow, ...found } = loaded;
    return {
      available: true,
      name: 'tensorflow',
      ...found,
      create: (options) => createTensorFlowEngine(tensorflow, options),
    };
  },
};

/** Engines that are described without loading them here: native is checked in a child, TensorFlow is too large. */
const DESCRIBERS: { readonly [Name in EngineName]?: () => Promise<FoundEngine | MissingEngine> } = {
  native: async () => {
    const fault = await nativeFault();
    return fault === undefined ? LOADERS.native() : { available: false, name: 'native', reason: fault };
  },
  tensorflow: async () => {
    const found = await findTensorFlow();
    if (typeof found === 'string') return { available: false, name: 'tensorflow', reason: found };
    return { available: true, name: 'tensorflow', ...found };
  },
};

/** All engines, fastest first, each available or with the reason why it is not. */
export async function listEngines(): Promise<(FoundEngine | MissingEngine)[]> {
  const names = Object.keys(LOADERS) as EngineName[];
  return await Promise.all(names.map((name) => (DESCRIBERS[name] ?? LOADERS[name])()));
}

/**
 * Loads an engine. A named engine is not checked: the caller got the name from a process that listed the engines.
 * `auto` is the fastest available one of listEngines(). A missing engine is a value, not an error.
 */
export async function loadEngine(name: JobSpec['engine']): Promise<LoadedEngine | MissingEngine> {
  if (name !== 'auto') return await LOADERS[name]();
  const fastest = (await listEngines()).find(({ available }) => available);
  // At least the reference engine is available.
  return await LOADERS[fastest!.name]();
}

/**
 * Whether a process that has run this engine may run another job. TensorFlow keeps a model's tensors, and its native
 * library may change how the whole process computes: some builds switch denormals off.
 */
export function leavesProcessClean(name: EngineName): boolean {
  return name !== 'tensorflow';
}
