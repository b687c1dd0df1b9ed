import { countTrainRows, stepsPerEpoch } from '../dataset/row-counts.ts';
import { type JobInput, jobLayout } from './job-engine.ts';
import { ACTIVATION_COST, updateCost } from './relative-costs.ts';

/**
 * What a job computes, in counts that decide how long it takes, from its spec and the shape of its data alone. A new
 * count goes to the end: installations keep those of their finished jobs.
 */
export const WORK = [
  /** 1: starting the job, writing its files. */
  'jobs',
  'steps',
  /** Train rows in all epochs. */
  'rows',
  /** Multiplications of the layer that reads the images, of which engines skip the dark pixels. */
  'firstLayer',
  /** Those of the other layers. */
  'otherLayers',
  /** Parameters that are updated, in updates of sgd: see relative-costs.ts. */
  'updates',
  /** Outputs of hidden units in training. */
  'units',
  /** Of these, those that need an exp, in those of tanh. */
  'curvedUnits',
  /** Rows of validation and test. */
  'evaluatedRows',
  'evaluatedProducts',
] as const;

/** The amounts of a job, in the order of WORK. */
export type JobWork = readonly number[];

export function jobWork(job: JobInput): JobWork {
  const { model, training } = job.spec;
  const { train, test } = job.data.rows;
  const rows = countTrainRows(train, training.validation_split);
  const trained = rows * training.epochs;
  const steps = stepsPerEpoch(rows, training.batch_size) * training.epochs;
  const evaluated = (train - rows) * training.epochs + test;
  const layout = jobLayout(job);
  const [first, ...others] = layout.layers.map(({ inputs, outputs }) => inputs * outputs);
  const rest = sum(others);
  const units = trained * sum(model.hidden_units);
  const amounts: Record<(typeof WORK)[number], number> = {
    jobs: 1,
    steps,
    rows: trained,
    firstLayer: trained * first,
    otherLayers: trained * rest,
    updates: steps * layout.parameters * updateCost(job.spec),
    units,
    curvedUnits: units * ACTIVATION_COST[model.activation],
    evaluatedRows: evaluated,
    evaluatedProducts: evaluated * (first + rest),
  };
  return WORK.map((name) => amounts[name]);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
