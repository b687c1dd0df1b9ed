import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findDuplicateKey } from './duplicate-keys.ts';
import { ProblemError } from './problems.ts';
import { toPointer } from './validation-errors.ts';

/** What a body may be: JSON in UTF-8, with exactly this media type, read before anything believes it. */

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ProblemError('malformed_request', 'The body is not valid UTF-8.', { cause });
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

/** JSON.parse keeps the last of two equal keys, so the other value would be dropped without a word. */
function refuseDuplicateKeys(text: string): void {
  const path = findDuplicateKey(text);
  if (path === undefined) return;
  throw new ProblemError(
    'malformed_request',
    'An object in the body has the same key twice; `errors` points to it. Send each key once.',
    {
      errors: [
        { in: 'body', pointer: toPointer(path), detail: 'appears twice in the same object; send it once' },
      ],
    },
  );
}

/**
 * `__proto__` as a key, however it is written, is never meant well, and what walks an object later may drop it
 * or worse. Looks at every object of the parsed text, without recursion: the text may be nested deeply.
 */
function refusePrototypes(value: unknown): void {
  const open = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    if (Object.hasOwn(next, '__proto__')) {
      throw new ProblemError('malformed_request', 'A key of the body is __proto__, which is not allowed.');
    }
    for (const child of Object.values(next))
      if (typeof child === 'object' && child !== null) open.push(child);
  }
}

/** A small body that unpacks to a big one is not what bodyLimit is for. */
function refuseEncodedBody(encoding: string | undefined): void {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ProblemError('unsupported_media_type', 'Send the body as it is, without Content-Encoding.');
  }
}

/** For the paths of `app` whose body is JSON. */
export function acceptJsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, bytes: Buffer) => {
      refuseEncodedBody(headers['content-encoding']);
      const text = decode(bytes);
      const value = parse(text);
      refuseDuplicateKeys(text);
      refusePrototypes(value);
      return value;
    },
  );
}
