import { createHash } from 'node:crypto';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import type { Trainee } from './engine-runs.ts';
import type { EngineProblem } from './small-problem.ts';

/** With more parameters, the answers would take too much memory. */
const MOST_PARAMETERS = 50_000;

interface Remembered {
  readonly engine: Engine;
  /** What the engine has answered so far, in the order of the calls. */
  readonly answers: unknown[];
}

const remembered = new Map<string, Remembered>();

/**
 * The reference engine, which takes most of the time of a comparison, for problems that several engines are compared
 * on. It trains each of them once, and tells its answers again to those who ask the same questions in the same order.
 */
export function rememberedReference(options: EngineProblem): Trainee {
  if (options.layout.parameters > MOST_PARAMETERS) return createReferenceEngine(options);
  const key = JSON.stringify(options, (_, value) => (ArrayBuffer.isView(value) ? sha256(value) : value));
  const { engine, answers } = remembered.get(key) ?? { engine: createReferenceEngine(options), answers: [] };
  remembered.set(key, { engine, answers });
  let calls = 0;
  const answer = <T>(ask: () => T): T => {
    if (calls === answers.length) answers.push(ask());
    return answers[calls++] as T;
  };
  return {
    state: () => answer(() => engine.state()),
    train: (...of) => answer(() => engine.train(...of)),
    endEpoch: () => answer(() => engine.endEpoch()),
  };
}

const sha256 = (view: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
    .digest('hex');
