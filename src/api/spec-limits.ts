import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { resolveDataset } from '../dataset/registry.ts';
import { countTrainRows, stepsPerEpoch } from '../dataset/row-counts.ts';
import { countParameters } from '../engine/model-layout.ts';
import { dropoutFault, floatFault, optimizerFaults } from '../engine/number-limits.ts';
import { tensorflowLacks } from '../engine/tensorflow/tensorflow-limits.ts';
import { invalidFields } from './http/problems.ts';
import { type FieldError, toPointer } from './http/validation-errors.ts';

/** Checks of a spec that involve more than one field, the dataset or the engine. */

export const MAX_PARAMETERS = 20_000_000;

/**
 * Checks what the schema of a spec cannot.
 * @throws {ProblemError} validation_failed
 */
export function checkSpec(spec: JobSpec): { data: DataShape; size: SpecSize } {
  const data = resolveDataset(spec.dataset);
  const size = measureSpec(spec, data);
  const errors = [
    ...checkNumbers(spec, data),
    ...checkSize(spec, size),
    ...checkOptions(spec),
    ...checkEngine(spec),
  ];
  if (errors.length > 0) throw invalidFields(errors);
  return { data, size };
}

export interface SpecSize {
  parameters: number;
  /** Train rows without the validation rows. */
  rows: number;
  /** Optimizer steps of the whole job. */
  steps: number;
}

export function measureSpec({ model, training }: JobSpec, data: DataShape): SpecSize {
  const rows = countTrainRows(data.rows.train, training.validation_split);
  return {
    parameters: countParameters(data.inputs, model.hidden_units, data.outputs),
    rows,
    steps: stepsPerEpoch(rows, training.batch_size) * training.epochs,
  };
}

/** Checks the limits that involve more than one field; empty when the spec keeps them. */
export function checkSize(spec: JobSpec, { parameters, rows }: SpecSize): FieldError[] {
  const errors: FieldError[] = [];
  if (parameters > MAX_PARAMETERS) {
    errors.push({
      in: 'body',
      pointer: '/model/hidden_units',
      detail: `must give a model of at most ${MAX_PARAMETERS} parameters; these units give ${parameters}`,
    });
  }
  if (spec.training.batch_size > rows) {
    errors.push({
      in: 'body',
      pointer: '/training/batch_size',
      detail: `must be a whole number from 1 to ${rows}, the train rows of ${spec.dataset} left by validation_split ${spec.training.validation_split}; got ${spec.training.batch_size}`,
    });
  }
  return errors;
}

/** Refuses numbers that the engines' arithmetic would turn into something else; empty when there are none. */
export function checkNumbers({ optimizer, model, training }: JobSpec, data: DataShape): FieldError[] {
  const errors: FieldError[] = optimizerFaults(optimizer).map(({ field, detail }) => ({
    in: 'body',
    pointer: `/optimizer/${field}`,
    detail,
  }));
  const dropout = dropoutFault(model.dropout);
  if (dropout !== undefined) errors.push({ in: 'body', pointer: '/model/dropout', detail: dropout });
  for (const [field, value] of [
    ['l1', model.l1],
    ['l2', model.l2],
  ] as const) {
    const detail = floatFault(value);
    if (detail !== undefined) errors.push({ in: 'body', pointer: `/model/${field}`, detail });
  }
  errors.push(...checkLabels(training, data));
  const { validation_split } = training;
  if (validation_split > 0 && countTrainRows(data.rows.train, validation_split) === data.rows.train) {
    errors.push({
      in: 'body',
      pointer: '/training/validation_split',
      detail: `must be 0 or at least ${Number.EPSILON / 2}; ${validation_split} would leave no rows for validation`,
    });
  }
  return errors;
}

/** Label smoothing and class weights, which are about the classes of the data. */
function checkLabels({ label_smoothing, class_weight }: JobSpec['training'], data: DataShape): FieldError[] {
  const errors: FieldError[] = [];
  const smoothing = floatFault(label_smoothing, data.outputs);
  if (smoothing !== undefined)
    errors.push({ in: 'body', pointer: '/training/label_smoothing', detail: smoothing });
  if (class_weight === null || class_weight === 'balanced') return errors;
  const known = new Set(data.classes);
  for (const [label, weight] of Object.entries(class_weight)) {
    const detail = known.has(label)
      ? floatFault(weight)
      : `must name a class of ${data.dataset}: ${shortList(data.classes)}`;
    if (detail === undefined) continue;
    errors.push({ in: 'body', pointer: toPointer(['training', 'class_weight', label]), detail });
    if (errors.length === MOST_ERRORS) break;
  }
  return errors;
}

/** Options that need or exclude each other; empty when all fit. */
export function checkOptions({ optimizer, training }: JobSpec): FieldError[] {
  const errors: FieldError[] = [];
  const say = (pointer: string, detail: string) => errors.push({ in: 'body', pointer, detail });
  const clips = (['clipnorm', 'global_clipnorm', 'clipvalue'] as const).filter(
    (name) => optimizer[name] !== null,
  );
  for (const name of clips.slice(1)) {
    say(`/optimizer/${name}`, `must be null where ${clips[0]} is set: a gradient is clipped in one way only`);
  }
  const { learning_rate } = optimizer;
  if (typeof learning_rate === 'object' && learning_rate.type === 'piecewise_constant_decay') {
    const { boundaries, values } = learning_rate;
    const at = '/optimizer/learning_rate';
    const wrong = boundaries.findIndex((boundary, k) => k > 0 && boundary <= boundaries[k - 1]!);
    if (wrong !== -1) {
      const before = boundaries[wrong - 1];
      say(
        `${at}/boundaries/${wrong}`,
        `must be larger than the one before, ${before}; got ${boundaries[wrong]}`,
      );
    }
    if (values.length !== boundaries.length + 1) {
      const rates = boundaries.length + 1;
      say(`${at}/values`, `must have one more than boundaries, so ${rates} rates; got ${values.length}`);
    }
  }
  for (const name of ['reduce_lr_on_plateau', 'early_stopping'] as const) {
    const monitor = training[name]?.monitor;
    if (monitor?.startsWith('val_') && training.validation_split === 0) {
      say(
        `/training/${name}/monitor`,
        `must be loss or accuracy with a validation_split of 0, which leaves no rows to measure ${monitor} on`,
      );
    }
  }
  if (training.reduce_lr_on_plateau !== null && typeof learning_rate === 'object') {
    say(
      '/training/reduce_lr_on_plateau',
      'must be null where learning_rate is a schedule: only a learning_rate that is a number can be reduced',
    );
  }
  return errors;
}

/** So many faults are told, and so many classes listed. */
const MOST_ERRORS = 20;

const shortList = (labels: readonly string[]): string =>
  labels.length <= MOST_ERRORS
    ? labels.join(', ')
    : `${labels.slice(0, MOST_ERRORS).join(', ')} and ${labels.length - MOST_ERRORS} more`;

/** What the spec asks for and its engine cannot do; empty when the engine can do all of it. */
export function checkEngine({ engine, optimizer, training }: JobSpec): FieldError[] {
  if (engine !== 'tensorflow') return [];
  const isReduced = training.reduce_lr_on_plateau !== null;
  return tensorflowLacks(optimizer, isReduced).map(({ field, detail }) => ({
    in: 'body',
    pointer: `/optimizer/${field}`,
    detail,
  }));
}
