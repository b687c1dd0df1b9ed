import { DatasetRefusedError } from './refusal.ts';

/** For files that divide their rows themselves. @throws {DatasetRefusedError} if they are to be divided again. */
export function refuseTestSplit(testSplit: number | undefined): void {
  if (testSplit === undefined) return;
  throw new DatasetRefusedError(
    `The file says which rows are for training and which for testing, so test_split=${testSplit} has nothing to divide. Leave it away.`,
  );
}
