import { z } from 'zod';
import { OwnerSchema } from '../../contract/access.ts';
import { JOB_ID_PATTERN, JobStatusSchema } from '../../contract/job.ts';
import { DatasetNameSchema, EngineNameSchema, MetadataSchema, NameSchema } from '../../contract/job-spec.ts';
import { OptimizerTypeSchema } from '../../contract/optimizer.ts';
import { SORTED_FACTS } from '../../store/facts.ts';
import {
  type Comparison,
  type JobFilters,
  NUMBER_FACTS,
  type NumberFact,
  type Sort,
} from '../../store/finding.ts';
import type { Place } from '../../store/index-walk.ts';
import { queryInteger } from './query-integer.ts';

/** The query of GET /jobs. */

export const LIST_FORMATS = ['json', 'csv', 'ndjson'] as const;

/** A table is taken whole, as far as that is possible. */
const DEFAULT_PAGE = { json: 20, csv: 1000, ndjson: 1000 } as const;

const NUMBER = String.raw`-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?`;
const COMPARED = new RegExp(`^(?:(gte|lte|gt|lt):)?(${NUMBER})$`);

/** Numbers longer than this say nothing more. */
const MAX_NUMBER = 40;

const comparedNumber = z
  .string()
  .max(MAX_NUMBER)
  .regex(COMPARED)
  .meta({ title: 'a number, or gte:, lte:, gt: or lt: and a number', examples: ['gte:0.9'] });

/** Once, or twice for a range. */
const numberFilter = (what: string) =>
  z
    .preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(comparedNumber).max(2))
    .optional()
    .meta({
      description: `Only jobs whose ${what}: a number, or gte:, lte:, gt: or lt: and a number. Give it twice for a range.`,
    });

/** The words of each fact in the documentation. */
const NUMBER_WORDS: Readonly<Record<NumberFact, string>> = {
  learning_rate: 'learning rate is so',
  parameters: 'model has so many weights and biases',
  test_accuracy: 'accuracy on the test rows is so',
  val_loss: 'lowest val_loss is so',
  duration_seconds: 'time from the first start to the end, in seconds, is so',
};

const ISO_TIME = z.union([
  z.iso.datetime({ offset: true }).meta({
    title: 'a time in ISO 8601 with its zone, such as 2026-11-29T08:30:00Z,',
    examples: ['2026-11-29T08:30:00Z'],
  }),
  z.iso.date().meta({ title: 'a date, such as 2026-11-29', examples: ['2026-11-29'] }),
]);
const time = (description: string) =>
  ISO_TIME.transform((text) => Date.parse(text))
    .optional()
    .meta({ description });

const STATUSES = JobStatusSchema.options.join('|');
const SORTS = ['created_at', ...SORTED_FACTS].flatMap((by) => [by, `-${by}`]) as [string, ...string[]];

/** `<value>~<id>`; without a value `~<id>`, or the id alone where jobs are sorted by their age. */
const AFTER = new RegExp(`^(?:(${NUMBER})?~)?(${JOB_ID_PATTERN.source.slice(1, -1)})$`);

export const ListJobsQuerySchema = z.strictObject({
  limit: queryInteger(z.int().gte(1).lte(1000).optional()).meta({
    description: 'Jobs per page: 1 to 1000 (default 20, and 1000 for csv and ndjson).',
  }),
  after: z
    .string()
    .regex(AFTER)
    .meta({
      title: 'the `after` in the `next` of another page',
      examples: ['job_01KAXW3Q2M5N6P7Q8R9S0T1V2W'],
    })
    .transform((text): Place => {
      const [, value, id] = AFTER.exec(text)!;
      return { id: id!, value: value === undefined ? null : Number(value) };
    })
    .optional()
    .meta({ description: 'Where the page begins. Take it from the `next` of the previous page.' }),
  status: z
    .string()
    .regex(new RegExp(`^(?:${STATUSES})(?:,(?:${STATUSES}))*$`))
    .meta({
      title: `one or more of ${JobStatusSchema.options.map((status) => `"${status}"`).join(', ')}, separated by commas`,
      examples: ['failed,cancelled'],
    })
    .transform((text) => [...new Set(text.split(','))].map((status) => JobStatusSchema.parse(status)))
    .optional()
    .meta({
      description: 'Only jobs with this status, or with one of several, separated by commas.',
    }),
  owner: OwnerSchema.optional().meta({
    description:
      'Only jobs of this owner. Only an admin sees those of others; by default, an admin sees all.',
  }),
  name: NameSchema.optional().meta({ description: 'Only jobs whose name begins so.' }),
  metadata: MetadataSchema.optional().meta({
    description: 'Only jobs with these pairs in their metadata, each as metadata[key]=value.',
    maxProperties: 16,
  }),
  dataset: DatasetNameSchema.optional().meta({ description: 'Only jobs that train on it.' }),
  optimizer: OptimizerTypeSchema.optional().meta({ description: 'Only jobs with this optimizer.' }),
  engine: EngineNameSchema.optional().meta({ description: 'Only jobs that run, or ran, on this engine.' }),
  created_after: time('Only jobs created at this time or later.'),
  created_before: time('Only jobs created before this time.'),
  learning_rate: numberFilter(NUMBER_WORDS.learning_rate),
  parameters: numberFilter(NUMBER_WORDS.parameters),
  test_accuracy: numberFilter(NUMBER_WORDS.test_accuracy),
  val_loss: numberFilter(NUMBER_WORDS.val_loss),
  duration_seconds: numberFilter(NUMBER_WORDS.duration_seconds),
  sort: z.enum(SORTS).default('-created_at').meta({
    description:
      'What the jobs are sorted by, with a minus for the largest first; val_loss is the lowest of a job. Those without the value come last, those with the same by their age.',
  }),
  format: z.enum(LIST_FORMATS).default('json').meta({
    description:
      'csv and ndjson: one line a job, with a column for each number and setting under the names that MLflow uses.',
  }),
});

export type ListJobsQuery = z.output<typeof ListJobsQuerySchema>;

/** What the query asks of the store. */
export function readListQuery(query: ListJobsQuery): {
  filters: JobFilters;
  sort: Sort;
  limit: number;
  after: Place | undefined;
} {
  const { limit, after, status, name, metadata = {}, dataset, optimizer, engine, sort, format } = query;
  const numbers = NUMBER_FACTS.flatMap((fact) => (query[fact] ?? []).map((text) => compared(fact, text)));
  const filters = {
    statuses: status,
    createdFrom: query.created_after,
    createdBefore: query.created_before,
    name,
    metadata: Object.entries(metadata),
    dataset,
    optimizer,
    engine,
    numbers,
  };
  const descending = sort.startsWith('-');
  const by = (descending ? sort.slice(1) : sort) as Sort['by'];
  return { filters, sort: { by, descending }, limit: limit ?? DEFAULT_PAGE[format], after };
}

function compared(
  fact: NumberFact,
  text: string,
): { fact: NumberFact; comparison: Comparison; value: number } {
  const [, comparison = 'eq', number] = COMPARED.exec(text)!;
  return { fact, comparison: comparison as Comparison, value: Number(number) };
}

/** The place as the parameter `after`. */
export const afterOf = ({ id, value }: Place, { by }: Sort): string =>
  by === 'created_at' ? id : `${value ?? ''}~${id}`;
