import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { LOSSES_OF, lossOf } from '../contract/loss.ts';
import { countTrainRows, stepsPerEpoch } from '../dataset/row-counts.ts';
import { countParameters } from '../engine/model-layout.ts';
import { dropoutFault, optimizerFaults } from '../engine/number-limits.ts';
import { tensorflowLacks } from '../engine/tensorflow/tensorflow-limits.ts';
import { invalidFields } from './http/problems.ts';
import type { FieldError } from './http/validation-errors.ts';

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
    ...checkEngine(spec),
    ...checkMonitor(spec),
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

export function measureSpec({ model, training }: JobSpec, data: DataShape): SpecSize {
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

/** A monitor that no epoch has; empty when each has it. */
function checkMonitor({ checkpoints: { keep, monitor }, training }: JobSpec): FieldError[] {
  if (keep !== 'best' || training.validation_split > 0 || !monitor.startsWith('val_')) return [];
  return [
    {
      in: 'body',
      pointer: '/checkpoints/monitor',
      detail: `must be loss or accuracy, since a validation_split of 0 gives no ${monitor}; got "${monitor}"`,
    },
  ];
}

/** What the spec asks for and its engine cannot do; empty when the engine can do all of it. */
export function checkEngine({ engine, optimizer }: JobSpec): FieldError[] {
  if (engine !== 'tensorflow') return [];
  return tensorflowLacks(optimizer).map(({ field, detail }) => ({
    in: 'body',
    pointer: `/optimizer/${field}`,
    detail,
  }));
}
