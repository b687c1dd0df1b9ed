import { type Comparison, CURVES, type Curve } from '../contract/comparison.ts';
import type { MetricsRow } from '../contract/metrics-list.ts';
import type { StoredJob } from '../store/job-view.ts';
import { flatParameters } from './flat-parameters.ts';

/** Puts jobs side by side. */

export interface ComparedJob {
  readonly job: Pick<StoredJob, 'id' | 'status' | 'spec' | 'result'>;
  readonly rows: readonly MetricsRow[];
}

export function compare(compared: readonly ComparedJob[]): Comparison {
  const parameters = compared.map(({ job }) => flatParameters(job.spec));
  const names = [...new Set(parameters.flatMap((each) => [...each.keys()]))];
  const different: Comparison['different'] = {};
  const same: Comparison['same'] = {};
  for (const name of names) {
    const values = parameters.map((each) => each.get(name) ?? null);
    if (values.every((value) => JSON.stringify(value) === JSON.stringify(values[0]))) same[name] = values[0]!;
    else different[name] = values;
  }
  const epochs = [...new Set(compared.flatMap(({ rows }) => rows.map(({ epoch }) => epoch)))].sort(
    (a, b) => a - b,
  );
  const jobs = compared.map(({ job }) => ({
    id: job.id,
    name: job.spec.name,
    status: job.status,
    test_loss: job.result?.test.loss ?? null,
    test_accuracy: job.result?.test.accuracy ?? null,
    test_mae: job.result?.test.mae ?? null,
    duration_seconds: job.result?.duration_seconds ?? null,
  }));
  const ids = jobs.map(({ id }) => id);
  return {
    object: 'comparison',
    jobs,
    different,
    same,
    epochs,
    curves: Object.fromEntries(
      CURVES.map((curve) => [curve, curveOf(compared, curve, epochs)]),
    ) as Comparison['curves'],
    order: {
      test_accuracy: ordered(
        ids,
        jobs.map((job) => negated(job.test_accuracy)),
      ),
      test_loss: ordered(
        ids,
        jobs.map((job) => job.test_loss),
      ),
      test_mae: ordered(
        ids,
        jobs.map((job) => job.test_mae),
      ),
      val_loss: ordered(
        ids,
        compared.map(({ rows }) => lowest(rows.map((row) => row.val_loss))),
      ),
      duration_seconds: ordered(
        ids,
        jobs.map((job) => job.duration_seconds),
      ),
    },
  };
}

function curveOf(
  compared: readonly ComparedJob[],
  curve: Curve,
  epochs: readonly number[],
): (number | null)[][] {
  const byEpoch = compared.map(({ rows }) => new Map(rows.map((row) => [row.epoch, row[curve]])));
  return epochs.map((epoch) => byEpoch.map((values) => values.get(epoch) ?? null));
}

const negated = (value: number | null): number | null => (value === null ? null : -value);

function lowest(values: readonly (number | null)[]): number | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === 0 ? null : Math.min(...numbers);
}

/** The smallest first; equal ones keep their order. */
const ordered = (ids: readonly string[], values: readonly (number | null)[]): string[] =>
  ids
    .map((id, j) => ({ id, value: values[j] ?? null }))
    .filter((entry): entry is { id: string; value: number } => entry.value !== null)
    .sort((a, b) => a.value - b.value)
    .map(({ id }) => id);
