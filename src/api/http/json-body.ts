import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidFields, ProblemError } from './problems.ts';

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

/** JSON with a body that is wanted. */
export function acceptJsonBody(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, bytes: Buffer) => {
      refuseEncodedBody(headers['content-encoding']);
      const value = parse(decode(bytes));
      refusePrototypes(value);
      return value;
    },
  );
}

/** For paths that take no body: nothing, or {} of clients that always send something, whatever the type. */
export function acceptNoBody(app: FastifyInstance): void {
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) => {
    const text = decode(bytes).trim();
    if (text !== '' && text !== '{}') {
      throw invalidFields([
        { in: 'body', pointer: '', detail: 'must be left out: this request takes no body' },
      ]);
    }
    return undefined;
  });
}
