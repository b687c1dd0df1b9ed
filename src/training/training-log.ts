import { z } from 'zod';
import {
  type EffectiveRates,
  EffectiveRatesSchema,
  type EpochHealth,
  EpochHealthSchema,
  type Verdict,
  VerdictSchema,
} from '../contract/doctor.ts';
import type { StepRow } from '../contract/step-row.ts';
import {
  type Container,
  ContainerError,
  decodeContainer,
  encodeContainer,
  type NamedArray,
} from './container.ts';

/**
 * What a training tells beside its history: the rows of logged steps, and the doctor's figures and verdicts. It is part of
 * each checkpoint, so that a resumed job goes on with the same, and a file of its own for those who read it.
 */
export interface TrainingLog {
  readonly steps: readonly StepRow[];
  readonly epochs: readonly EpochHealth[];
  /** Of the latest epoch. */
  readonly effective_rates: EffectiveRates;
  readonly verdicts: readonly Verdict[];
}

export const EMPTY_LOG: TrainingLog = { steps: [], epochs: [], effective_rates: null, verdicts: [] };

export const STEP_ROWS = 'step_rows';

/** Numbers of a row in the array: epoch, step, loss, accuracy, mae, gradient_norm; NaN for null. */
const WIDTH = 6;

export const stepArray = ({ steps }: TrainingLog): NamedArray => ({
  name: STEP_ROWS,
  values: Float64Array.from(
    steps.flatMap(({ epoch, step, loss, accuracy, mae, gradient_norm }) =>
      [epoch, step, loss, accuracy, mae, gradient_norm].map((value) => value ?? Number.NaN),
    ),
  ),
});

/** Without the steps, which are numbers. */
export const aboutLog = ({ epochs, effective_rates, verdicts }: TrainingLog) => ({
  epochs,
  effective_rates,
  verdicts,
});

const AboutSchema = z.strictObject({
  epochs: z.array(EpochHealthSchema),
  effective_rates: EffectiveRatesSchema,
  verdicts: z.array(VerdictSchema),
});

/**
 * The inverse of both.
 * @throws {ContainerError}
 */
export function logOf(about: unknown, arrays: Container['arrays']): TrainingLog {
  const parsed = AboutSchema.safeParse(about);
  const values = arrays.find(({ name }) => name === STEP_ROWS)?.values;
  if (!parsed.success || !(values instanceof Float64Array) || values.length % WIDTH !== 0) {
    throw new ContainerError('its log is not one');
  }
  const orNull = (value: number) => (Number.isNaN(value) ? null : value);
  const steps = Array.from({ length: values.length / WIDTH }, (_, k): StepRow => {
    const at = k * WIDTH;
    return {
      epoch: values[at]!,
      step: values[at + 1]!,
      loss: values[at + 2]!,
      accuracy: orNull(values[at + 3]!),
      mae: orNull(values[at + 4]!),
      gradient_norm: orNull(values[at + 5]!),
    };
  });
  return { steps, ...parsed.data };
}

const KIND = 'log';

export const encodeLog = (log: TrainingLog): Uint8Array =>
  encodeContainer(KIND, { about: aboutLog(log), arrays: [stepArray(log)] });

/** The inverse. @throws {ContainerError} */
export function decodeLog(bytes: Uint8Array): TrainingLog {
  const { about, arrays } = decodeContainer(KIND, bytes);
  return logOf(about, arrays);
}
