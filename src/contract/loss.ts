import { z } from 'zod';
import type { DataShape } from './data-shape.ts';

/** Keras's names. The last three are for a number; huber has Keras's delta, 1. */
export const LossSchema = z.enum(['categorical_crossentropy', 'mse', 'mae', 'huber']);

export type Loss = z.output<typeof LossSchema>;

type Task = DataShape['task'];

/** The losses that fit a task; the first is its default. */
export const LOSSES_OF: Readonly<Record<Task, readonly [Loss, ...Loss[]]>> = {
  classification: ['categorical_crossentropy'],
  regression: ['mse', 'mae', 'huber'],
};

/** The loss that a job trains with. Specs of older versions name none. */
export const lossOf = ({ loss }: { loss?: Loss | undefined }, { task }: Pick<DataShape, 'task'>): Loss =>
  loss ?? LOSSES_OF[task][0];

/** What a stored spec trains for: each loss fits one task. */
export const taskOf = ({ loss }: { loss?: Loss | undefined }): Task =>
  loss === undefined || LOSSES_OF.classification.includes(loss) ? 'classification' : 'regression';
