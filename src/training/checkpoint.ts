import type { JobSpec } from '../contract/job-spec.ts';
import { type EpochMetrics, EpochMetricsSchema } from '../contract/metrics.ts';
import type { EngineState } from '../engine/engine.ts';
import { type Container, ContainerError, decodeContainer, encodeContainer } from './container.ts';
import type { JobInput } from './job-engine.ts';
import { StoppingWatch } from './monitors.ts';
import { specFingerprint } from './spec-fingerprint.ts';
import { stateArrays, stateOf } from './state-arrays.ts';
import { aboutLog, EMPTY_LOG, logOf, STEP_ROWS, stepArray, type TrainingLog } from './training-log.ts';

/** Everything needed to resume after an epoch, bit for bit. */
export interface Checkpoint {
  /** Epochs finished, >= 1. */
  readonly epoch: number;
  readonly state: EngineState;
  /** The rows of epochs 1 .. epoch. */
  readonly history: readonly EpochMetrics[];
  /** (P), of the best epoch so far, if the job restores them at its end and has watched an epoch. */
  readonly bestWeights?: Float32Array | undefined;
  /** Of the same epochs. */
  readonly log: TrainingLog;
}

/** The only error decodeCheckpoint throws. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  /** damaged: the bytes are not those that were written; of_other_spec: the job they belong to trains differently. */
  readonly code: 'checkpoint_damaged' | 'checkpoint_of_other_spec';

  constructor(code: CheckpointError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const KIND = 'checkpoint';

const BEST_WEIGHTS = 'best_weights';

/** job: the checkpoint's job. Only a job that trains the same way on the same data can read it back. */
export function encodeCheckpoint(checkpoint: Checkpoint, job: JobInput): Uint8Array {
  const { epoch, state, history, bestWeights, log } = checkpoint;
  return encodeContainer(KIND, {
    about: { fingerprint: specFingerprint(job), epoch, steps: state.steps, history, log: aboutLog(log) },
    arrays: [
      ...stateArrays(state),
      ...(bestWeights === undefined ? [] : [{ name: BEST_WEIGHTS, values: bestWeights }]),
      stepArray(log),
    ],
  });
}

/** The inverse of encodeCheckpoint. @throws {CheckpointError} */
export function decodeCheckpoint(bytes: Uint8Array, job: JobInput): Checkpoint {
  const { spec } = job;
  const { about, arrays } = open(bytes);
  const { fingerprint, epoch, steps, history } = about;
  if (fingerprint !== specFingerprint(job) || epoch > spec.training.epochs) {
    throw new CheckpointError(
      'checkpoint_of_other_spec',
      'the checkpoint was made by another spec, with other data or by another version of the engines',
    );
  }
  try {
    const bestWeights = bestWeightsOf(arrays, spec, history);
    const ofState = arrays.filter(({ name }) => name !== BEST_WEIGHTS && name !== STEP_ROWS);
    // Checkpoints of older builds have no log.
    const log = about.log === undefined ? EMPTY_LOG : logOf(about.log, arrays);
    return { epoch, history, log, state: stateOf(ofState, steps, job), ...(bestWeights && { bestWeights }) };
  } catch (error) {
    if (error instanceof ContainerError) throw damaged(error.message, error);
    throw error;
  }
}

/**
 * There from the first epoch on that the job has watched.
 * @throws {ContainerError}
 */
function bestWeightsOf(
  arrays: Container['arrays'],
  { training: { early_stopping } }: JobSpec,
  history: readonly EpochMetrics[],
): Float32Array | undefined {
  const bestEpoch = early_stopping?.restore_best_weights
    ? new StoppingWatch(early_stopping, history).bestEpoch
    : null;
  const best = arrays.find(({ name }) => name === BEST_WEIGHTS)?.values;
  if (bestEpoch === null && best === undefined) return undefined;
  const isWhole = best instanceof Float32Array && best.length === arrays[0]?.values.length;
  if (bestEpoch !== null && isWhole) return best;
  throw new ContainerError('it does not have the weights of the best epoch so far');
}

interface About {
  fingerprint: string;
  epoch: number;
  steps: number;
  history: EpochMetrics[];
  log?: unknown;
}

function open(bytes: Uint8Array): { about: About; arrays: Container['arrays'] } {
  let container: Container;
  try {
    container = decodeContainer(KIND, bytes);
  } catch (error) {
    if (error instanceof ContainerError) throw damaged(error.message, error);
    throw error;
  }
  if (!isAbout(container.about)) throw damaged('its epoch, steps and history do not match');
  return { about: container.about, arrays: container.arrays };
}

function isAbout(value: unknown): value is About {
  if (typeof value !== 'object' || value === null) return false;
  const { fingerprint, epoch, steps, history } = value as Record<string, unknown>;
  return (
    typeof fingerprint === 'string' &&
    Number.isSafeInteger(epoch) &&
    (epoch as number) >= 1 &&
    Number.isSafeInteger(steps) &&
    (steps as number) >= (epoch as number) &&
    Array.isArray(history) &&
    history.length === epoch &&
    history.every((row, e) => EpochMetricsSchema.safeParse(row).success && row.epoch === e + 1)
  );
}

function damaged(why: string, cause?: unknown): CheckpointError {
  return new CheckpointError('checkpoint_damaged', `the checkpoint is damaged: ${why}`, { cause });
}
