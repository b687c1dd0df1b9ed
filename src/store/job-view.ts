import { type Attempt, type AttemptOutcome, isTerminal, type Job, type JobStatus } from '../contract/job.ts';
import { JobSpecSchema } from '../contract/job-spec.ts';
import { isPackedText, unpackText } from './packed-text.ts';

/** What the API shows of a job, except the links, which the API adds. */
export type StoredJob = Omit<Job, 'links'>;

/**
 * A job as the API shows it, assembled from the JSON texts in its record without parsing them. Only the spec is
 * validated and completed, once per distinct text, because a record of another version shows there.
 */
export interface JobView {
  id: string;
  owner: string;
  status: JobStatus;
  /** Changes whenever `text` changes. */
  etag: string;
  /** The job as JSON: a `StoredJob`. */
  text: string;
}

/** The fields of the record that a view is made of, besides its state. None may move: see PACKED_FIELDS. */
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
 * A packed job holds all these in one field, `view`, in this order, separated by zero bytes, which JSON cannot contain,
 * and compressed. New ones are added at the end.
 */
export const PACKED_FIELDS = [
  ...VIEW_FIELDS,
  'data',
  'evaluation',
  'model',
  'estimate',
  'kept',
  'parent',
  'log',
  'cached_from',
  'verifies',
] as const;

/** The values of PACKED_FIELDS in a `view`; none if it is damaged. Earlier builds did not compress it. */
export function packedValues(view: string): string[] {
  try {
    return (isPackedText(view) ? unpackText(view) : view).split('\0');
  } catch {
    return [];
  }
}

/** The fields that packing leaves alone. */
export const STATE_FIELDS = ['owner', 'status', 'revision', 'changed_at', 'verification'] as const;

export type ViewFields = Record<
  (typeof VIEW_FIELDS | typeof STATE_FIELDS)[number] | 'estimate' | 'parent' | 'cached_from' | 'verifies',
  string
> & {
  /** From 1, as text; empty unless queued. */
  queue_position: string;
};

/**
 * Increase it when the same record is rendered differently, by this module or by the API's links, so that clients with
 * a cached form fetch the new one.
 */
const FORM = 6;

/**
 * The ETag of a job's view. It contains the time because a Redis that lost its newest writes counts the same revisions
 * again, and the queue position because other jobs change it.
 */
export const etagOf = ({
  revision,
  changed_at,
  queue_position,
}: Pick<ViewFields, 'revision' | 'changed_at' | 'queue_position'>): string =>
  `"${FORM}.${revision}.${changed_at}.${queue_position}"`;

/** What of the record an ETag of `etagOf` stands for. */
export function stateOf(etag: string): Pick<ViewFields, 'revision' | 'changed_at'> {
  const [, revision, changed_at] = etag.slice(1, -1).split('.') as [string, string, string];
  return { revision, changed_at };
}

/** ISO 8601 time of milliseconds since the Unix epoch. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

const orNull = (text: string): string => (text === '' ? 'null' : text);
const timeOrNull = (ms: string): string => (ms === '' ? 'null' : `"${isoTime(Number(ms))}"`);

/** The job's JSON. Fields that the record lacks are empty. */
export function renderJob(id: string, fields: ViewFields): string {
  const status = fields.status as JobStatus;
  return (
    `{"id":"${id}","object":"job","owner":${JSON.stringify(fields.owner)},"status":"${status}","terminal":${isTerminal(status)},` +
    `"version":${JSON.stringify(fields.version)},"created_at":${timeOrNull(fields.created_at)},` +
    `"started_at":${timeOrNull(fields.started_at)},"finished_at":${timeOrNull(fields.finished_at)},` +
    `"spec":${fields.spec},"engine":${fields.engine === '' ? 'null' : `"${fields.engine}"`},` +
    `"parameters":${fields.parameters},"estimated_seconds":${orNull(fields.estimate)},` +
    `"queue_position":${orNull(fields.queue_position)},"progress":${fields.progress},` +
    `"latest":${orNull(fields.latest)},"result":${orNull(fields.result)},"error":${orNull(fields.error)},` +
    `"attempts":${JSON.stringify(parseAttempts(fields.attempts))},"parent":${orNull(fields.parent)},` +
    `"cached":${fields.cached_from !== ''},"cached_from":${fields.cached_from === '' ? 'null' : `"${fields.cached_from}"`},` +
    `"verifies":${orNull(fields.verifies)},"verification":${orNull(fields.verification)}}`
  );
}

/** @returns undefined when this version cannot read the record. */
export function viewJob(id: string, fields: ViewFields): JobView | undefined {
  const spec = readableSpec(fields.spec);
  if (spec === undefined) return undefined;
  return {
    id,
    owner: fields.owner,
    status: fields.status as JobStatus,
    etag: etagOf(fields),
    text: renderJob(id, { ...fields, spec }),
  };
}

/** The view, parsed. */
export const jobOf = ({ text }: JobView): StoredJob => JSON.parse(text) as StoredJob;

const KNOWN_SPECS_MAX = 10_000;
const knownSpecs = new Map<string, string>();

/**
 * The spec as this version writes it, with the defaults of fields that an earlier one did not have; undefined if this
 * version does not accept it. Cached, since the check takes 80 us.
 */
function readableSpec(text: string): string | undefined {
  const known = knownSpecs.get(text);
  if (known !== undefined) return known;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = JobSpecSchema.safeParse(value);
  if (!parsed.success) return undefined;
  if (knownSpecs.size >= KNOWN_SPECS_MAX) knownSpecs.clear();
  const spec = JSON.stringify(parsed.data);
  // Almost always they are alike, and then share their memory.
  knownSpecs.set(text, spec === text ? text : spec);
  return knownSpecs.get(text);
}

/** Separates the attempts in the field `attempts`; transitions/attempts.lua writes it. */
const ATTEMPT_SEPARATOR = '\x1e';

/** Lines of one attempt: attempt, worker, from_epoch, reason, started_at and, once it has ended, ended_at, outcome. */
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
