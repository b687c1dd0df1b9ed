import { type DatasetTable, DatasetTableSchema } from '../contract/dataset.ts';
import type { EngineState } from '../engine/engine.ts';
import { ContainerError, decodeContainer, encodeContainer } from './container.ts';
import { type JobInput, jobLayout } from './job-engine.ts';
import { stateArrays, stateOf } from './state-arrays.ts';
import type { Predicted } from './tally.ts';

/**
 * The finished model as one file: the data it was trained on and how a table was read, its shape, its weights in layout order, the state of its
 * optimizer, so that training can go on elsewhere, and what it predicted for each test row.
 */

export interface ModelFile {
  /** (P) */
  readonly weights: Float32Array;
  /** Missing in files of version 0.1.0 and earlier, like `predicted`. */
  readonly optimizer?: Pick<EngineState, 'slots' | 'powers' | 'steps'>;
  readonly predicted?: Predicted;
  /** How the dataset was read, if that was an uploaded table: it may be deleted before the job. */
  readonly table?: DatasetTable;
}

const KIND = 'model';

/** state: of the job's engine after its last epoch. */
export function encodeModel(
  state: EngineState,
  predicted: Predicted,
  job: JobInput,
  table?: DatasetTable,
): Uint8Array {
  const { parameters } = jobLayout(job);
  if (state.weights.length !== parameters) {
    throw new Error(`the job's model has ${parameters} parameters, not ${state.weights.length}`);
  }
  return encodeContainer(KIND, {
    about: {
      data: job.data,
      model: job.spec.model,
      optimizer: job.spec.optimizer,
      steps: state.steps,
      ...(table && { table }),
    },
    arrays: [...stateArrays(state), { name: 'predicted', values: predicted }],
  });
}

/** job: that of the file. @throws {ContainerError} when the file is damaged or of another job */
export function decodeModel(bytes: Uint8Array, job: JobInput): ModelFile {
  const { about, arrays } = decodeContainer(KIND, bytes);
  const [first, ...others] = arrays;
  if (others.length === 0) return { weights: weightsAlone(first?.values, job) };
  const { steps, table } = about as { steps?: unknown; table?: unknown };
  if (typeof steps !== 'number') throw new ContainerError('its description lacks the number of steps');
  const { weights, ...optimizer } = stateOf(arrays.slice(0, -1), steps, job);
  const predicted = arrays.at(-1)!.values;
  const Kept = job.data.classes === null ? Float32Array : Uint16Array;
  if (!(predicted instanceof Kept) || predicted.length !== job.data.rows.test) {
    throw new ContainerError('it lacks what was predicted for each test row');
  }
  const described = DatasetTableSchema.safeParse(table);
  return { weights, optimizer, predicted, ...(described.success && { table: described.data }) };
}

function weightsAlone(values: unknown, job: JobInput): Float32Array {
  const { parameters } = jobLayout(job);
  if (values instanceof Float32Array && values.length === parameters) return values;
  throw new ContainerError(`it does not hold the ${parameters} float32 weights of the job's model`);
}
