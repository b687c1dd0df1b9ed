import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as util from 'node:util';

/**
 * Finds and loads TensorFlow.js, which is not part of Descent: @tensorflow/tfjs-node if it is installed and works,
 * otherwise tfjs's own WASM backend.
 */

export type {
  Optimizer as TfOptimizer,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Variable,
} from '@tensorflow/tfjs-core';

export interface TensorFlow {
  readonly core: typeof import('@tensorflow/tfjs-core');
  readonly layers: typeof import('@tensorflow/tfjs-layers');
}

export interface FoundTensorFlow {
  /** The version of TensorFlow.js. */
  readonly version: string;
  /** As text for people. */
  readonly backend: string;
  /** Why tfjs-node is not used, as text for people; null if it is used. */
  readonly reason: string | null;
}

export type LoadedTensorFlow = FoundTensorFlow & { readonly tensorflow: TensorFlow };

const NODE = '@tensorflow/tfjs-node';
const CORE = '@tensorflow/tfjs-core';
const LAYERS = '@tensorflow/tfjs-layers';
const WASM = '@tensorflow/tfjs-backend-wasm';

/** The version this engine is written for and tested with. */
const VERSION = '4.22.0';

/** The script of the child that tries tfjs-node; the last line of its output is TensorFlow's version. */
const TRIAL = 'console.log(require(process.argv[1]).backend().binding.TF_Version)';
const TRIAL_MS = 60_000;

const require = createRequire(import.meta.url);

/** What loadTensorFlow() would load, or why it would load nothing. Loads nothing into this process. */
export async function findTensorFlow(): Promise<FoundTensorFlow | string> {
  const node = await findNode();
  return typeof node === 'string' ? findWasm(node) : node;
}

/** Loads tfjs-node or, failing that, the WASM backend; returns the reason if neither works. */
export async function loadTensorFlow(): Promise<LoadedTensorFlow | string> {
  const node = loadNode();
  return typeof node === 'string' ? await loadWasm(node) : node;
}

/**
 * Checks whether tfjs-node works. Its native library is downloaded separately, so the only test is to load it. A child
 * does so, since loading takes most of a second and 360 MB, and may crash the process.
 */
async function findNode(): Promise<FoundTensorFlow | string> {
  const missing = missingNode();
  if (missing !== undefined) return missing;
  const child = util.promisify(execFile)(process.execPath, ['-e', TRIAL, require.resolve(NODE)], {
    timeout: TRIAL_MS,
  });
  try {
    const { stdout } = await child;
    return describeNode(stdout.trim().split('\n').at(-1)!);
  } catch (error) {
    const { stderr, code, signal } = error as { stderr: string; code: number | null; signal: string | null };
    return doesNotLoad(
      /^\w*Error: (.*)$/m.exec(stderr)?.[1] ??
        `the process that tried to load it ended with ${signal ?? code}`,
    );
  }
}

/** tfjs-node, or why it is not used. */
export function loadNode(): LoadedTensorFlow | string {
  const missing = missingNode();
  if (missing !== undefined) return missing;
  try {
    // tfjs-node exports all of core and layers; the copies installed next to it may be others.
    const tf = require(NODE) as TensorFlow['core'] & TensorFlow['layers'];
    const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
    return { ...describeNode(binding.TF_Version), tensorflow: { core: tf, layers: tf } };
  } catch (error) {
    return doesNotLoad(error instanceof Error ? error.message.split('\n')[0] : String(error));
  }
}

/** Why trying tfjs-node is pointless here; undefined if it may work. */
function missingNode(): string | undefined {
  if (!isInstalled(NODE)) return `${NODE} is not installed`;
  if ('isNullOrUndefined' in util) return undefined;
  return `${NODE} ${versionOf(NODE)} needs Node 22 or older: it calls util.isNullOrUndefined, which Node ${process.versions.node} does not have`;
}

const doesNotLoad = (why: string) => `${NODE} ${versionOf(NODE)} does not load: ${why}`;

const describeNode = (tensorflow: string): FoundTensorFlow => ({
  version: versionOf(NODE),
  backend: `TensorFlow ${tensorflow} through ${NODE}, one thread per core`,
  reason: null,
});

/** Loads the WASM backend; returns the reason if it does not work either. whyNotNode: why tfjs-node is not used. */
export async function loadWasm(whyNotNode: string): Promise<LoadedTensorFlow | string> {
  const found = findWasm(whyNotNode);
  if (typeof found === 'string') return found;
  const core = require(CORE) as TensorFlow['core'];
  const layers = require(LAYERS) as TensorFlow['layers'];
  const { setWasmPaths } = require(WASM) as typeof import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(require.resolve(WASM))}/`);
  if (await core.setBackend('wasm')) return { ...found, tensorflow: { core, layers } };
  return `${whyNotNode}, and ${WASM} ${versionOf(WASM)} does not start`;
}

function findWasm(whyNotNode: string): FoundTensorFlow | string {
  const missing = [CORE, LAYERS, WASM].filter((name) => !isInstalled(name));
  if (missing.length === 0) {
    return {
      version: versionOf(WASM),
      backend: "TensorFlow.js's WASM backend, one thread",
      reason: whyNotNode,
    };
  }
  const install = [CORE, LAYERS, WASM].map((name) => `${name}@${VERSION}`).join(' ');
  return `${whyNotNode}, and ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing: npm install ${NODE}@${VERSION}, or npm install ${install}`;
}

function isInstalled(name: string): boolean {
  try {
    return require.resolve(`${name}/package.json`) !== '';
  } catch {
    return false;
  }
}

const versionOf = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
