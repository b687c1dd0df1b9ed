import type { Job } from '../../../src/client/descent.ts';
import { percent, short } from './format.ts';

/** What is shown of a job besides its loss: its accuracy, or the mean absolute error of one that predicts a number. */
export const qualityOf = ({ latest }: Pick<Job, 'latest'>) =>
  latest?.mae == null
    ? ({ key: 'accuracy', title: 'accuracy', format: percent } as const)
    : ({ key: 'mae', title: 'MAE', format: short } as const);

/** That of the test rows. */
export const tested = (job: Job | undefined): string => {
  const test = job?.result?.test;
  return test?.mae == null ? percent(test?.accuracy) : `MAE ${short(test.mae)}`;
};
