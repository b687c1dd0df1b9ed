import type { JobResult } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { nominalRate } from '../contract/learning-rate.ts';

/**
 * What a job is found by. The hash `facts:<owner>` holds these texts for each of his jobs, in this order and separated by
 * FACT_SEPARATOR, and after them the job's labels: its name, or nothing, then each pair of its metadata. Those that are
 * not known yet are empty. A question reads one index and then the facts, because Lua reads no JSON and a spec is long.
 * transitions/finding.lua knows the places.
 */
export const FACTS = [
  'created_at',
  'dataset',
  'optimizer',
  'engine',
  'learning_rate',
  'parameters',
  'test_accuracy',
  'val_loss',
  'duration_seconds',
] as const;

export type FactName = (typeof FACTS)[number];

/** The facts that jobs can be sorted by. Each owner has an index of each. */
export const SORTED_FACTS = ['test_accuracy', 'val_loss', 'duration_seconds'] as const;

export type SortedFact = (typeof SORTED_FACTS)[number];

export const FACT_SEPARATOR = '\x1f';

/** Unambiguous, and as short as it can be: only what separates is escaped. */
const escaped = (text: string, what: RegExp): string =>
  text.replaceAll(what, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A name, or its beginning, as a label: a label that begins with this belongs to a job whose name does. */
export const nameLabel = (name: string): string => `name:${escaped(name, /[\p{Cc}%]/gu)}`;

/** A pair of metadata as a label. */
export const metadataLabel = (key: string, value: string): string =>
  `data:${escaped(key, /[\p{Cc}%=]/gu)}=${escaped(value, /[\p{Cc}%]/gu)}`;

/**
 * The facts of a new job but the first, which only Redis's clock knows.
 * @param ended of a job that has a result from the beginning.
 */
export function newFacts(spec: JobSpec, parameters: number, ended?: Ended): string {
  const known: Partial<Record<FactName, string | number>> = {
    dataset: spec.dataset,
    optimizer: spec.optimizer.type,
    learning_rate: `${nominalRate(spec.optimizer.learning_rate)}`,
    parameters: `${parameters}`,
    engine: ended?.engine ?? '',
    ...(ended?.result && {
      ...resultFacts(ended.result),
      duration_seconds: ended.result.duration_seconds.toFixed(3),
    }),
  };
  return [...FACTS.slice(1).map((name) => known[name] ?? ''), labelsOf(spec)].join(FACT_SEPARATOR);
}

/** What the facts of a job that has ended hold besides. */
interface Ended {
  engine?: string | undefined;
  result?: Pick<JobResult, 'test' | 'best' | 'duration_seconds'> | undefined;
}

/** The labels of a job, which follow its facts. */
export const labelsOf = ({ name, metadata }: Pick<JobSpec, 'name' | 'metadata'>): string =>
  [
    name === null ? '' : nameLabel(name),
    ...Object.entries(metadata).map(([key, value]) => metadataLabel(key, value)),
  ].join(FACT_SEPARATOR);

/** The facts that a result adds, empty where it has no such value; the duration is Redis's. */
export const resultFacts = ({
  test,
  best,
}: Pick<JobResult, 'test' | 'best'>): { test_accuracy: number | ''; val_loss: number | '' } => ({
  test_accuracy: test.accuracy ?? '',
  val_loss: best?.val_loss?.value ?? '',
});

/** The text of the facts of a job of an older version, which has none. */
export const factsOf = (
  job: { created_at: number; spec: JobSpec; parameters: number; engine?: string | undefined },
  result: Ended['result'],
): string =>
  `${job.created_at}${FACT_SEPARATOR}${newFacts(job.spec, job.parameters, { engine: job.engine, result })}`;
