import { z } from 'zod';

/**
 * Every error the API can return: code, HTTP status, title. Programs branch on the code, which decides title and
 * status; the detail of a response explains how to fix that one request.
 */
export const PROBLEMS = {
  malformed_request: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'An API key is needed' },
  forbidden: { status: 403, title: 'Your key does not allow this' },
  foreign_origin: { status: 403, title: 'Pages of other sites may not do this' },
  not_found: { status: 404, title: 'Nothing is here' },
  dataset_not_found: { status: 404, title: 'There is no such dataset' },
  job_not_found: { status: 404, title: 'There is no such job' },
  not_available_yet: { status: 404, title: 'This is not available yet' },
  method_not_allowed: { status: 405, title: 'This path does not take that method' },
  not_acceptable: { status: 406, title: 'No representation matches Accept' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  dataset_exists: { status: 409, title: 'There is another dataset of this name' },
  dataset_in_use: { status: 409, title: 'A job needs the dataset' },
  job_finished: { status: 409, title: 'The job has already ended' },
  job_not_finished: { status: 409, title: 'The job has not ended' },
  job_cancelling: { status: 409, title: 'The job is being cancelled' },
  job_not_paused: { status: 409, title: 'The job is not paused' },
  no_checkpoint: { status: 409, title: 'The job has no checkpoint that can be used' },
  job_not_verifiable: { status: 409, title: 'The job cannot be verified' },
  job_unreadable: { status: 409, title: 'The job cannot be read by this version' },
  job_deleted: { status: 409, title: 'The job of this Idempotency-Key was deleted' },
  job_not_queued: { status: 409, title: 'The job is not queued' },
  precondition_failed: { status: 412, title: 'The job has changed' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body is of a type that is not taken here' },
  range_not_satisfiable: { status: 416, title: 'The file has no such range' },
  misdirected_request: { status: 421, title: 'This host name is not served here' },
  validation_failed: { status: 422, title: 'The request is not valid' },
  dataset_refused: { status: 422, title: 'The file cannot become a dataset' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another body' },
  too_many_bad_keys: { status: 429, title: 'Too many bad keys' },
  job_too_large: { status: 422, title: 'The job needs more memory than any worker has' },
  queue_full: { status: 429, title: 'The queue is full' },
  quota_exceeded: { status: 429, title: 'Your quota is used up' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'Something went wrong here' },
  overloaded: { status: 503, title: 'The server is overloaded' },
  store_unavailable: { status: 503, title: 'The job store cannot be used' },
  store_read_only: { status: 503, title: 'The job store takes no writes' },
  file_unavailable: { status: 503, title: 'A file of the job cannot be used' },
  not_ready: { status: 503, title: 'This installation is not ready' },
  datasets_full: { status: 507, title: 'There is no room for the dataset' },
  storage_full: { status: 503, title: 'The job store has no room left' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** A place in an uploaded file that cannot be used. */
export const PlaceSchema = z
  .strictObject({
    file: z.string().optional().meta({ description: 'Within an archive.' }),
    line: z.int().gte(1).optional().meta({ description: 'From 1, a header included.' }),
    row: z.int().gte(0).optional().meta({ description: 'Of an array or a Parquet file, from 0.' }),
    column: z.string().optional(),
    found: z.string().optional().meta({ description: 'What stands there, cut to 80 characters.' }),
    problem: z.string().meta({ description: 'What is wrong with it, and what to do.' }),
  })
  .meta({ id: 'Place' });

export const ProblemSchema = z
  .strictObject({
    type: z.string().meta({ description: 'A URI reference that names the kind of problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What was wrong with this request, and how to fix it.' }),
    instance: z.string().meta({ description: 'The request that caused the problem.' }),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    errors: z
      .array(
        z.strictObject({
          in: z.enum(['body', 'query', 'path', 'header']),
          pointer: z
            .string()
            .meta({ description: 'JSON Pointer (RFC 6901) into the part of the request that `in` names.' }),
          detail: z.string(),
        }),
      )
      .optional(),
    places: z
      .array(PlaceSchema)
      .optional()
      .meta({ description: 'Only of an upload that is refused: the first ten places in its file.' }),
    checks: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'Only from /readyz: each of its checks, `ok` or what is wrong.' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });

export type Problem = z.output<typeof ProblemSchema>;
