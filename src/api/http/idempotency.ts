import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { invalidFields } from './problems.ts';

/** A bare key, or a structured-field string (RFC 9651, 3.3.3): quotes and backslashes inside are escaped. */
const KEY = /^(?:[!#-~][!-~]{0,254}|"(?:[!#-[\]-~]|\\["\\]){1,255}")$/;

/** The header in the OpenAPI document. */
export const IDEMPOTENCY_KEY_SCHEMA = { type: 'string', pattern: KEY.source };

/**
 * Reads an Idempotency-Key; a quoted key equals the bare one.
 * @throws {ProblemError} validation_failed
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  if (!KEY.test(text)) {
    throw invalidFields([
      {
        in: 'header',
        pointer: '/idempotency-key',
        detail: 'must be 1 to 255 visible ASCII characters, bare or as a quoted string',
      },
    ]);
  }
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : text;
}

/** Two bodies are the same when these match: the SHA-256 of the parsed JSON with sorted keys. */
export const hashBody = (body: unknown): string =>
  createHash('sha256').update(canonicalJson(body)).digest('hex');
