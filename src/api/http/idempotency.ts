import { createHash } from 'node:crypto';
import { invalidFields } from './problems.ts';

const BARE = /^[\x21-\x7e]{1,255}$/;

/** A structured-field string (RFC 9651, 3.3.3): quotes and backslashes inside are escaped. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * Reads an Idempotency-Key; quoted is the same as bare.
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

/** The same text for the same JSON, whatever the order of its keys. Only for JSON of a known depth. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, canonical(child)]));
}

/** What makes two bodies the same one: SHA-256 of the parsed JSON with sorted keys. */
export const hashBody = (body: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(canonical(body)))
    .digest('hex');
