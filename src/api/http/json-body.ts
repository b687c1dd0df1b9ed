import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findDuplicateKey } from './duplicate-keys.ts';
import { exceeds, type JsonLimits } from './json-size.ts';
import { invalidFields, ProblemError } from './problems.ts';
import { toPointer } from './validation-errors.ts';

/** Reads bodies: JSON in UTF-8, sent as application/json. */

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ProblemError('malformed_request', 'The body is not valid UTF-8. Send JSON in UTF-8.', {
      cause,
    });
  }
}

function parse(text: string): unknown {
  if (text.trim() === '') {
    throw new ProblemError('malformed_request', 'The body is empty. Send {} for the reference run.');
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProblemError('malformed_request', `The body is not valid JSON: ${reason}`, { cause });
  }
}

/** A request without a body is not parsed. @throws {ProblemError} malformed_request */
export function refuseMissingBody(
  body: unknown,
  advice = 'Send {} with the header Content-Type: application/json for the reference run.',
): void {
  if (body !== undefined) return;
  throw new ProblemError('malformed_request', `The body is missing. ${advice}`);
}

/** JSON.parse keeps only the last of two equal keys, so the other value would be dropped silently. */
function refuseDuplicateKeys(text: string): void {
  const path = findDuplicateKey(text);
  if (path === undefined) return;
  throw new ProblemError(
    'malformed_request',
    'An object in the body has the same key twice; `errors` points to the key. Send each key once.',
    {
      errors: [
        { in: 'body', pointer: toPointer(path), detail: 'appears twice in the same object; send it once' },
      ],
    },
  );
}

/**
 * Refuses the key `__proto__`, however it is escaped: it has no legitimate use, and later code might drop it or set a
 * prototype. Checks every object of the parsed text. Not recursive, because the text may be deeply nested.
 */
function refusePrototypes(value: unknown): void {
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    if (Object.hasOwn(next, '__proto__')) {
      throw new ProblemError(
        'malformed_request',
        'The body has the key __proto__, which is not allowed. Remove it.',
      );
    }
    for (const child of Object.values(next))
      if (typeof child === 'object' && child !== null) open.push(child);
  }
}

/** A spec with every field has fewer than a hundred values, four levels deep. */
const LIMITS: JsonLimits = { values: 1_000, depth: 32 };

const TOO_MUCH: Record<keyof JsonLimits, string> = {
  values: `may have at most ${LIMITS.values} values in all its objects and arrays together`,
  depth: `may have at most ${LIMITS.depth} objects and arrays inside each other`,
};

/** Counts before anything looks at the values: finding a sentence for each of thousands of faults takes long. */
function refuseExcess(bytes: Buffer): void {
  const limit = exceeds(bytes, LIMITS);
  if (limit !== undefined) throw invalidFields([{ in: 'body', pointer: '', detail: TOO_MUCH[limit] }]);
}

/**
 * bodyLimit does not protect against a small body that unpacks to a big one.
 * @throws {ProblemError} unsupported_media_type
 */
export function refuseEncodedBody(encoding: string | undefined): void {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ProblemError(
      'unsupported_media_type',
      'Compressed bodies are not accepted. Send the body without Content-Encoding.',
    );
  }
}

/** RFC 7396. */
export const MERGE_PATCH = 'application/merge-patch+json';

/** Makes the routes of `app` take JSON bodies only. */
export function acceptJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, readJson);
}

/** Makes the routes of `app` take merge patches only: as plain JSON, one could be meant as a replacement. */
export function acceptMergePatch(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(MERGE_PATCH, { parseAs: 'buffer' }, readJson);
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => {
    throw new ProblemError(
      'unsupported_media_type',
      `Send the changes as a JSON Merge Patch, with the header Content-Type: ${MERGE_PATCH}.`,
      { headers: { 'accept-patch': MERGE_PATCH } },
    );
  });
}

async function readJson({ headers }: FastifyRequest, bytes: Buffer): Promise<unknown> {
  refuseEncodedBody(headers['content-encoding']);
  refuseExcess(bytes);
  const text = decode(bytes);
  const value = parse(text);
  refuseDuplicateKeys(text);
  refusePrototypes(value);
  return value;
}
