import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { LOSSES_OF, lossOf } from '../contract/loss.ts';
import { MonitorSchema } from '../contract/monitors.ts';
import { countTrainRows, stepsPerEpoch } from '../dataset/row-counts.ts';
import { countParameters } from '../engine/model-layout.ts';
import { dropoutFault, floatFault, optimizerFaults } from '../engine/number-limits.ts';
import { tensorflowLacks } from '../engine/tensorflow/tensorflow-limits.ts';
import { leastLogEvery, MOST_LOG_ROWS } from '../training/log-every.ts';
import { invalidFields } from './http/problems.ts';
import { type FieldError, toPointer } from './http/validation-errors.ts';

/** Checks of a spec that involve more than one field, the dataset or the engine. */

export const MAX_PARAMETERS = 20_000_000;

/**
 * Checks what the schema of a spec cannot.
 * @throws {ProblemError} validation_failed
 */
export function checkSpec(given: JobSpec, data: DataShape): CheckedSpec {
  const spec = withLoss(given, data);
  const size = measureSpec(spec, data);
  const errors = [
    ...checkLoss(spec, data),
    ...checkNumbers(spec, data),
    ...checkSize(spec, size),
    ...checkOptions(spec, data),
    ...checkEngine(spec),
  ];
  if (errors.length > 0) throw invalidFields(errors);
  return { spec, size };
}

export interface CheckedSpec {
  /** With the loss that is used. */
  spec: JobSpec;
  size: SpecSize;
}

/** The schema cannot know this default, which depends on the data. */
function withLoss({ name, dataset, model, optimizer, loss, ...rest }: JobSpec, data: DataShape): JobSpec {
  return { name, dataset, model, optimizer, loss: lossOf({ loss }, data), ...rest };
}

export interface SpecSize {
  parameters: number;
  /** Train rows without the validation rows. */
  rows: number;
  /** Optimizer steps of the whole job. */
  steps: number;
}

function measureSpec({ model, training }: JobSpec, data: DataShape): SpecSize {
  const rows = countTrainRows(data.rows.train, training.validation_split);
  return {
    parameters: countParameters(data.inputs, model.hidden_units, data.outputs),
    rows,
    steps: stepsPerEpoch(rows, training.batch_size) * training.epochs,
  };
}

/** Refuses a loss of another task than the data's; empty when it fits. */
export function checkLoss(spec: JobSpec, { dataset, task }: DataShape): FieldError[] {
  const loss = lossOf(spec, { task });
  const allowed = LOSSES_OF[task];
  if (allowed.includes(loss)) return [];
  const rows = task === 'classification' ? 'whose rows have classes' : 'whose rows have numbers';
  const detail = `must be ${allowed.join(' or ')} for ${dataset}, ${rows}; got ${loss}`;
  return [{ in: 'body', pointer: '/loss', detail }];
}

/** Checks the limits that involve more than one field; empty when the spec keeps them. */
export function checkSize(spec: JobSpec, { parameters, rows, steps }: SpecSize): FieldError[] {
  const errors: FieldError[] = [];
  if (parameters > MAX_PARAMETERS) {
    errors.push({
      in: 'body',
      pointer: '/model/hidden_units',
      detail: `must give a model of at most ${MAX_PARAMETERS} parameters; these units give ${parameters}`,
    });
  }
  const { log_every } = spec.training;
  const least = leastLogEvery(steps);
  if (log_every !== null && log_every < least) {
    errors.push({
      in: 'body',
      pointer: '/training/log_every',
      detail: `must be null or at least ${least}, since a job may log ${MOST_LOG_ROWS} steps and this one has ${steps}; got ${log_every}`,
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
  const { classes } = data;
  if (classes === null) {
    const without = `where the rows of ${data.dataset} have numbers, not classes`;
    if (label_smoothing !== 0)
      errors.push({ in: 'body', pointer: '/training/label_smoothing', detail: `must be 0 ${without}` });
    if (class_weight !== null)
      errors.push({ in: 'body', pointer: '/training/class_weight', detail: `must be null ${without}` });
    return errors;
  }
  const smoothing = floatFault(label_smoothing, data.outputs);
  if (smoothing !== undefined)
    errors.push({ in: 'body', pointer: '/training/label_smoothing', detail: smoothing });
  if (class_weight === null || class_weight === 'balanced') return errors;
  const known = new Set(classes);
  for (const [label, weight] of Object.entries(class_weight)) {
    const detail = known.has(label)
      ? floatFault(weight)
      : `must name a class of ${data.dataset}: ${shortList(classes)}`;
    if (detail === undefined) continue;
    errors.push({ in: 'body', pointer: toPointer(['training', 'class_weight', label]), detail });
    if (errors.length === MOST_ERRORS) break;
  }
  return errors;
}

/** Options that need or exclude each other, or do not fit the data; empty when all fit. */
export function checkOptions({ optimizer, training, checkpoints }: JobSpec, data: DataShape): FieldError[] {
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
  if (training.validation === 'stratified' && data.classes === null) {
    say(
      '/training/validation',
      `must be last or random where the rows of ${data.dataset} have numbers, not classes`,
    );
  }
  const monitors = {
    '/training/reduce_lr_on_plateau': training.reduce_lr_on_plateau?.monitor,
    '/training/early_stopping': training.early_stopping?.monitor,
    '/checkpoints': checkpoints.keep === 'best' ? checkpoints.monitor : undefined,
  };
  const measured = MonitorSchema.options.filter(
    (name) =>
      !(name.startsWith('val_') && training.validation_split === 0) &&
      !(name.endsWith('accuracy') && data.classes === null),
  );
  for (const [at, monitor] of Object.entries(monitors)) {
    if (monitor === undefined || measured.includes(monitor)) continue;
    const why =
      monitor.endsWith('accuracy') && data.classes === null
        ? `the rows of ${data.dataset} have numbers, not classes`
        : `a validation_split of 0 leaves no rows to measure ${monitor} on`;
    say(`${at}/monitor`, `must be ${measured.join(' or ')}, since ${why}; got ${monitor}`);
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
