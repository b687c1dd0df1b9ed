import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { countTrainRows, stepsPerEpoch } from '../dataset/row-counts.ts';
import { countParameters } from '../engine/model-layout.ts';
import { dropoutFault, optimizerFaults } from '../engine/number-limits.ts';
import { tensorflowLacks } from '../engine/tensorflow/tensorflow-limits.ts';
import type { FieldError } from './http/validation-errors.ts';

/** What a spec asks for in all, where one field alone does not tell. */

export const MAX_PARAMETERS = 20_000_000;

export interface SpecSize {
  parameters: number;
  /** Train rows, validation rows left out. */
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

/** The limits that take more than one field to check; empty when the spec keeps them. */
export function checkSize(spec: JobSpec, { parameters, rows }: SpecSize): FieldError[] {
  const errors: FieldError[] = [];
  if (parameters > MAX_PARAMETERS) {
    errors.push({
      in: 'body',
      pointer: '/model/hidden_units',
      detail: `must make a model of at most ${MAX_PARAMETERS} parameters; these make ${parameters}`,
    });
  }
  if (spec.training.batch_size > rows) {
    errors.push({
      in: 'body',
      pointer: '/training/batch_size',
      detail: `must be a whole number from 1 to ${rows}, the train rows of ${spec.dataset} that validation_split ${spec.training.validation_split} leaves; got ${spec.training.batch_size}`,
    });
  }
  return errors;
}

/** Numbers that mean something else, or nothing, as the engines use them; empty when all of them hold. */
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
      detail: `must be 0 or at least ${Number.EPSILON / 2}; ${validation_split} would leave no row to validate with`,
    });
  }
  return errors;
}

/** What the engine that the spec names cannot do; empty when it can do all of it. */
export function checkEngine({ engine, optimizer }: JobSpec): FieldError[] {
  if (engine !== 'tensorflow') return [];
  return tensorflowLacks(optimizer).map(({ field, detail }) => ({
    in: 'body',
    pointer: `/optimizer/${field}`,
    detail,
  }));
}
