import { type Attempt, type AttemptOutcome, isTerminal, type Job, type JobStatus } from '../contract/job.ts';
import { JobSpecSchema } from '../contract/job-spec.ts';

/** What the API shows of a job, but for the links, which are its own. */
export type StoredJob = Omit<Job, 'links'>;

/**
 * A job as the API shows it, put together as text from the JSON texts that its record holds: nothing that we wrote down
 * ourselves is parsed to be shown. Only the spec is looked at, once for each text, since a record of another version
 * betrays itself there.
 */
export interface JobView {
  id: string;
  owner: string;
  status: JobStatus;
  /** Another one whenever anything in `text` is another. */
  etag: string;
  /** The job as JSON: a `StoredJob`. */
  text: string;
}

/** The fields of the record that a view is made of, besides its state. None may be moved: see PACKED_FIELDS. */
export const VIEW_FIELDS = [
  'version',
  'created_at',
  'started_at',
  'finished_at',
  'spec',
  'engine',
  'parameters',
  'progress',
  'latest',
  'result',
  'error',
  'attempts',
] as const;

/**
 * Of a packed job one field, `view`, holds all these: in this order, with zero bytes between, which JSON does not have.
 * A new one goes to the end.
 */
export const PACKED_FIELDS = [...VIEW_FIELDS, 'data', 'evaluation', 'model'] as const;

/** The fields that stay as they are, packed or not. */
export const STATE_FIELDS = ['owner', 'status', 'revision', 'changed_at'] as const;

export type ViewFields = Record<(typeof VIEW_FIELDS | typeof STATE_FIELDS)[number], string> & {
  /** From 1, as text; empty unless queued. */
  queue_position: string;
};

/** Grows when the same record is shown in another way: whoever has the old form must get the new one. */
const FORM = 1;

/**
 * The ETag of a job's view. Of revision and time, since a Redis that lost its newest writes counts the same revisions
 * again; of the position, since other jobs change it.
 */
export const etagOf = ({
  revision,
  changed_at,
  queue_position,
}: Pick<ViewFields, 'revision' | 'changed_at' | 'queue_position'>): string =>
  `"${FORM}.${revision}.${changed_at}.${queue_position}"`;

/** ISO 8601 of milliseconds since the epoch. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

const orNull = (text: string): string => (text === '' ? 'null' : text);
const timeOrNull = (ms: string): string => (ms === '' ? 'null' : `"${isoTime(Number(ms))}"`);

/**
 * The job's JSON. Fields that a record does not have are empty.
 * @param createdAt JSON of the time, for a caller who does not know it yet; likewise queuePosition.
 */
export function renderJob(
  id: string,
  fields: ViewFields,
  createdAt: string = timeOrNull(fields.created_at),
  queuePosition: string = orNull(fields.queue_position),
): string {
  const status = fields.status as JobStatus;
  return (
    `{"id":"${id}","object":"job","status":"${status}","terminal":${isTerminal(status)},` +
    `"version":${JSON.stringify(fields.version)},"created_at":${createdAt},` +
    `"started_at":${timeOrNull(fields.started_at)},"finished_at":${timeOrNull(fields.finished_at)},` +
    `"spec":${fields.spec},"engine":${fields.engine === '' ? 'null' : `"${fields.engine}"`},` +
    `"parameters":${fields.parameters},"queue_position":${queuePosition},"progress":${fields.progress},` +
    `"latest":${orNull(fields.latest)},"result":${orNull(fields.result)},"error":${orNull(fields.error)},` +
    `"attempts":${JSON.stringify(parseAttempts(fields.attempts))}}`
  );
}

/** @returns undefined when the record cannot be read by this version. */
export function viewJob(id: string, fields: ViewFields): JobView | undefined {
  if (!isReadableSpec(fields.spec)) return undefined;
  return {
    id,
    owner: fields.owner,
    status: fields.status as JobStatus,
    etag: etagOf(fields),
    text: renderJob(id, fields),
  };
}

/** The view for those who compute with it. */
export const jobOf = ({ text }: JobView): StoredJob => JSON.parse(text) as StoredJob;

const KNOWN_SPECS_MAX = 10_000;
const knownSpecs = new Set<string>();

/** Whether this is the text of a spec as this version writes it. Remembered, since it takes 80 us to find out. */
function isReadableSpec(text: string): boolean {
  if (knownSpecs.has(text)) return true;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (!JobSpecSchema.safeParse(value).success) return false;
  if (knownSpecs.size >= KNOWN_SPECS_MAX) knownSpecs.clear();
  knownSpecs.add(text);
  return true;
}

/** What stands between two attempts of the field `attempts`; transitions/record.lua writes it. */
const ATTEMPT_SEPARATOR = '\x1e';

/** A line each: attempt, worker, from_epoch, reason, started_at, and at its end ended_at, outcome. */
const parseAttempts = (field: string): Attempt[] =>
  field === '' ? [] : field.split(ATTEMPT_SEPARATOR).map(parseAttempt);

function parseAttempt(lines: string): Attempt {
  const [attempt, worker, fromEpoch, reason, startedAt, endedAt, outcome] = lines.split('\n') as Lines;
  return {
    attempt: Number(attempt),
    worker,
    from_epoch: Number(fromEpoch),
    started_at: isoTime(Number(startedAt)),
    ended_at: endedAt === undefined ? null : isoTime(Number(endedAt)),
    outcome: outcome ?? null,
    reason: reason === '' ? null : reason,
  };
}

type Lines = [string, string, string, string, string, ended?: string, outcome?: AttemptOutcome];
