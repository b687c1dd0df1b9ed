import { IDEMPOTENCY_KEY_SCHEMA } from '../http/idempotency.ts';
import { PREFER_HEADER, PREFERENCE_APPLIED } from '../http/preferences.ts';
import type { HeaderDoc } from './route-documentation.ts';

/** What the document says of each route that creates a job. */

export const NEW_JOB_REQUEST_HEADERS: Record<string, HeaderDoc> = {
  'Idempotency-Key': { description: 'As for POST /jobs.', schema: IDEMPOTENCY_KEY_SCHEMA },
  Prefer: PREFER_HEADER,
  traceparent: {
    description: 'W3C Trace Context. Its trace id is in the log lines of this request and of the job.',
    schema: { type: 'string' },
  },
};

export const NEW_JOB_HEADERS: Record<string, HeaderDoc> = {
  Location: { description: 'The job.', schema: { type: 'string' }, required: true },
  'Idempotency-Replayed': {
    description: '`true` if an earlier request created the job; otherwise absent.',
    schema: { type: 'string', const: 'true' },
  },
  'Preference-Applied': PREFERENCE_APPLIED,
};

export const NEW_JOB_PROBLEMS = [
  'idempotency_key_reused',
  'job_too_large',
  'job_deleted',
  'queue_full',
  'quota_exceeded',
  'store_unavailable',
  'store_read_only',
  'storage_full',
] as const;

/** Of routes whose new job follows from another, and may go on from a checkpoint. */
export const FOLLOWING_JOB_PROBLEMS = [
  'job_not_found',
  'no_checkpoint',
  'file_unavailable',
  'job_unreadable',
  ...NEW_JOB_PROBLEMS,
  'overloaded',
] as const;
