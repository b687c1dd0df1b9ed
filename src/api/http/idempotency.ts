import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contract/canonical-json.ts';
import { invalidFields } from './problems.ts';

const BARE = /^[\x21-\x7e]{1,255}$/;

/** A structured-field string (RFC 9651, 3.3.3): quotes and backslashes inside are escaped. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * Reads an Idempotency-Key; a quoted key equals the bare one.
 * @throws {ProblemError} validation_failed
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  const quoted = QUOTED.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
  const key = quoted ?? text;
  if (!BARE.test(key) || (quoted === undefined && text.startsWith('"'))) {
    throw invalidFields([
      {
        in: 'header',
        pointer: '/idempotency-key',
        detail: 'must be 1 to 255 visible ASCII characters, bare or as a quoted string',
      },
    ]);
  }
  return key;
}

/** Two bodies are the same when these match: the SHA-256 of the parsed JSON with sorted keys. */
export const hashBody = (body: unknown): string =>
  createHash('sha256').update(canonicalJson(body)).digest('hex');
