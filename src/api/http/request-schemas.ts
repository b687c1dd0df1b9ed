import { z } from 'zod';
import { OwnerSchema } from '../../contract/access.ts';
import { ChartScaleSchema, CURVES, FEWEST_COMPARED, MOST_COMPARED } from '../../contract/comparison.ts';
import { DatasetFormatSchema, MOST_SHOWN_ROWS } from '../../contract/dataset.ts';
import { DeliveryIdSchema } from '../../contract/delivery.ts';
import { MOST_EVALUATED_ROWS } from '../../contract/evaluation-rows.ts';
import { JOB_ID_PATTERN, JobIdSchema } from '../../contract/job.ts';
import { DatasetNameSchema, MetadataSchema } from '../../contract/job-spec.ts';
import { ModelFormatSchema, PreprocessingSchema, TensorLayoutSchema } from '../../contract/model-export.ts';
import { CheckpointChoiceSchema, FitSchema } from '../../contract/prediction.ts';
import { ALL_OPTIONS } from '../../dataset/reading/formats.ts';
import { METRICS_FORMS } from '../metrics-forms.ts';
import { queryInteger } from './query-integer.ts';

/** Paths, queries and headers. Their values are text; only integers are converted. */

/** More digits than a seq can have. */
const MAX_SEQ = 999_999_999_999_999;

/** The query of a path that declares none; `query.ts` has the rule. */
export const NoQuerySchema = z.strictObject({});

export const JobPathSchema = z.strictObject({ id: JobIdSchema });

export const CheckpointPathSchema = z.strictObject({
  id: JobIdSchema,
  epoch: queryInteger(z.int().gte(1).lte(1000)).meta({ description: 'Epochs finished.', examples: [10] }),
});

export const DeliveryPathSchema = z.strictObject({ id: JobIdSchema, delivery: DeliveryIdSchema });

export const DatasetPathSchema = z.strictObject({ name: DatasetNameSchema });

const datasetOwner = OwnerSchema.optional().meta({
  description: 'The owner of the dataset; only an admin may name another than himself.',
});

export const DatasetQuerySchema = z.strictObject({ owner: datasetOwner });

export const DatasetRowsQuerySchema = z.strictObject({
  split: z.enum(['train', 'test']).default('test'),
  after: queryInteger(z.int().gte(0).lte(1e9).optional()).meta({
    description: 'Only rows with a higher index.',
  }),
  limit: queryInteger(z.int().gte(1).lte(MOST_SHOWN_ROWS).default(20)).meta({
    description: `Rows per page: 1 to ${MOST_SHOWN_ROWS}.`,
  }),
  owner: datasetOwner,
});

/** Every option of any format; which of them apply is checked when the format is known. */
export const UploadQuerySchema = z.strictObject({
  format: DatasetFormatSchema.optional().meta({
    description: 'What the body is. It overrides Content-Type, which names csv and parquet only.',
  }),
  dry_run: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'true: say what the file would make, and keep nothing.' }),
  ...ALL_OPTIONS,
});

export const DatasetImagePathSchema = z.strictObject({
  name: DatasetNameSchema,
  split: z.enum(['train', 'test']),
  index: queryInteger(z.int().gte(0).lte(1e9)).meta({
    description: 'The row, from 0, in the order of the source file.',
    examples: [0],
  }),
});

export const PauseQuerySchema = z.strictObject({
  now: z.enum(['true', 'false']).default('false').meta({
    description:
      'true: a running job stops at once and later goes on from its newest checkpoint, which costs the work since then.',
  }),
});

export const ReadyQuerySchema = z.strictObject({
  exclude: z.enum(['workers']).optional().meta({
    description: 'Leaves out what workers do: the checks `queue` and `workers` then cannot cause a 503.',
  }),
});

const after = queryInteger(z.int().gte(0).lte(MAX_SEQ).default(0)).meta({
  description: 'Only entries with a higher seq.',
});

export const MetricsQuerySchema = z.strictObject({
  after: after.meta({ description: 'Only entries with a higher seq; of steps, those with a higher step.' }),
  granularity: z.enum(['epoch', 'step']).default('epoch').meta({
    description:
      'A row for each epoch, or for each logged step (`training.log_every`), as of the latest checkpoint.',
  }),
  format: z.enum(METRICS_FORMS).optional().meta({
    description:
      'Overrides Accept. columns: one array per field; ndjson: one row a line; tensorboard: a ZIP archive of event files, as from the TensorBoard callback of Keras.',
  }),
  max_points: queryInteger(z.int().gte(2).lte(10_000)).optional().meta({
    description:
      'At most so many rows: 2 to 10000. The first and the last stay, and of each stretch between those with the smallest and the largest loss and val_loss (of steps, loss and gradient_norm); below 6, only the first and the last. No row is changed.',
  }),
});

const preprocessing = PreprocessingSchema.default('raw').meta({
  description:
    'raw: the model takes and gives what the dataset holds, and scales it itself; scaled: it takes scaled values, and gives a standardised number.',
});

export const ModelQuerySchema = z.strictObject({
  format: ModelFormatSchema.default('safetensors'),
  layout: TensorLayoutSchema.default('keras').meta({
    description:
      'Only for safetensors. keras: kernels are (inputs, outputs). torch: weights are (outputs, inputs), under the names of `nn.Sequential(Linear, ReLU, ...)`.',
  }),
  preprocessing,
});

export const TfjsQuerySchema = z.strictObject({ preprocessing });

export const PredictQuerySchema = z.strictObject({
  fit: FitSchema.default('mnist').meta({
    description:
      "Only for pictures. mnist: the drawing is cut out, scaled into the inner box and centred by mass, in light strokes on black, as the dataset's images are. stretch: the whole picture is scaled. none: it must have the model's size, in its own greys.",
  }),
  checkpoint: queryInteger(CheckpointChoiceSchema.optional()).meta({
    description:
      'latest: the model of the newest checkpoint of a job that has not ended; of one that has succeeded, its final model. A number: the weights after so many epochs, if the job has that checkpoint. Without it, only the final model answers.',
    examples: ['latest', 5],
  }),
});

const label = z.string().min(1);

export const EvaluationRowsQuerySchema = z.strictObject({
  actual: label.optional().meta({ description: 'Only rows of this true class, by its label.' }),
  predicted: label.optional().meta({ description: 'Only rows that were predicted as this class.' }),
  from: queryInteger(z.int().gte(0).lte(MAX_SEQ).default(0)).meta({
    description: 'Only rows from this index on.',
  }),
  limit: queryInteger(z.int().gte(1).lte(MOST_EVALUATED_ROWS).default(100)).meta({
    description: `Rows per page: 1 to ${MOST_EVALUATED_ROWS}.`,
  }),
});

const JOB_ID = JOB_ID_PATTERN.source.slice(1, -1);

const comparedJobs = z
  .string()
  .regex(new RegExp(`^${JOB_ID}(,${JOB_ID}){${FEWEST_COMPARED - 1},${MOST_COMPARED - 1}}$`))
  .meta({
    description: `The ids of ${FEWEST_COMPARED} to ${MOST_COMPARED} jobs, separated by commas.`,
    examples: ['job_01KAXW3Q2M5N6P7Q8R9S0T1V2W,job_01KAXW3Q2M5N6P7Q8R9S0T1V2X'],
  })
  .transform((text) => [...new Set(text.split(','))]);

export const CompareQuerySchema = z.strictObject({
  jobs: comparedJobs,
  format: z.enum(['json', 'csv']).default('json'),
  shape: z.enum(['long', 'wide']).default('long').meta({ description: 'Only for CSV.' }),
  metric: z.enum(CURVES).default('val_loss').meta({ description: 'Only for shape=wide.' }),
});

export const CompareChartQuerySchema = z.strictObject({
  jobs: comparedJobs,
  scale: ChartScaleSchema.default('linear').meta({
    description: 'log: a logarithmic vertical axis, on which values of 0 or less are left out.',
  }),
});

/** A seq, or nothing: polyfills send an empty value before the first event. */
const SEQ_OR_EMPTY = /^[0-9]{0,15}$/;

/** The header Last-Event-ID. */
export const LastEventIdSchema = z
  .string()
  .regex(SEQ_OR_EMPTY)
  .transform((text) => (text === '' ? undefined : Number(text)));

/** The header in the OpenAPI document. */
export const LAST_EVENT_ID_SCHEMA = { type: 'string', pattern: SEQ_OR_EMPTY.source };

/** The last of the values: polyfills append another one when the URL already has one. */
const lastEventId = (pattern: RegExp, example: string) =>
  z.preprocess(
    (given) => (typeof given === 'string' ? [given] : given),
    z
      .array(z.string())
      // Not a rule of the items, because an error points to the parameter.
      .refine((all) => all.every((text) => pattern.test(text)))
      .meta({ items: { type: 'string', pattern: pattern.source, examples: [example] } })
      .transform((all) => all.at(-1) || undefined)
      .optional(),
  );

const LAST_EVENT_ID_WORDS =
  'for EventSource polyfills that cannot set the header Last-Event-ID. The header overrides it. Also accepted as `lastEventID`, `last-event-id`, `last_event_id` or `evs_last_event_id`; if there are several, the last one counts.';

export const EventsQuerySchema = z.strictObject({
  after,
  lastEventId: lastEventId(SEQ_OR_EMPTY, '12')
    .transform((text) => (text === undefined ? undefined : Number(text)))
    .meta({ description: `The last seq you have, ${LAST_EVENT_ID_WORDS} Overrides \`after\`.` }),
  limit: queryInteger(z.int().gte(1).lte(1000).default(100)).meta({
    description: 'Events per page: 1 to 1000. A stream has no limit.',
  }),
});

/** An id of the events of many jobs, and the same or nothing. */
const FEED_ID = /^\d{1,15}-\d{1,15}$/;
const FEED_ID_OR_EMPTY = /^(?:\d{1,15}-\d{1,15})?$/;

/** The header Last-Event-ID of that stream, and what the OpenAPI document says of it. */
export const LastFeedIdSchema = z
  .string()
  .regex(FEED_ID_OR_EMPTY)
  .transform((text) => text || undefined);
export const LAST_FEED_ID_SCHEMA = { type: 'string', pattern: FEED_ID_OR_EMPTY.source };

export const FeedQuerySchema = z.strictObject({
  jobs: z
    .string()
    .regex(new RegExp(`^${JOB_ID}(,${JOB_ID}){0,${MOST_COMPARED - 1}}$`))
    .meta({ examples: ['job_01KAXW3Q2M5N6P7Q8R9S0T1V2W,job_01KAXW3Q2M5N6P7Q8R9S0T1V2X'] })
    .transform((text) => [...new Set(text.split(','))])
    .optional()
    .meta({
      description: `Only these jobs: 1 to ${MOST_COMPARED} ids, separated by commas. The stream ends when all of them have ended.`,
    }),
  metadata: MetadataSchema.optional().meta({
    description: 'Only jobs with these pairs in their metadata, each as metadata[key]=value.',
    maxProperties: 16,
  }),
  owner: OwnerSchema.optional().meta({
    description: 'The owner of the jobs; only an admin may name another than himself.',
  }),
  after: z
    .string()
    .regex(FEED_ID)
    .meta({ examples: ['1764400000000-0'] })
    .optional()
    .meta({
      description:
        'Only events after this id. Without one, a list begins with the oldest that is remembered, a stream with what happens next.',
    }),
  lastEventId: lastEventId(FEED_ID_OR_EMPTY, '1764400000000-0').meta({
    description: `The last id you have, ${LAST_EVENT_ID_WORDS} Overrides \`after\`.`,
  }),
  limit: queryInteger(z.int().gte(1).lte(1000).default(100)).meta({
    description: 'Events looked at for a page: 1 to 1000. A stream has no limit.',
  }),
});
