import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidFields } from './problems.ts';

/**
 * What a client library sends where it has nothing to send: JSON or JavaScript for nothing, an empty object, array
 * or string, a form without fields; with blanks, a byte order mark or C's end of a string around it.
 */
const NOTHING = /^(?:null|undefined|""|\{\s*\}|\[\s*\]|--\S+--)?$/;
const BLANKS_AROUND = /^[\s\0]+|[\s\0]+$/g;

const lenient = new TextDecoder();

/**
 * Every path takes an empty body, in whatever way a client library writes one, unless its schema wants a body. A
 * body that carries something is refused: the client means something by it that this API would not do.
 */
export function acceptNoBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Fastify would leave these bodies unread, and so drop what they carry.
  for (const method of ['GET', 'HEAD']) app.addHttpMethod(method, { hasBody: true, overrideExisting: true });
  app.addHook('onRequest', async (request) => {
    // Nothing has no type. Fastify refuses types that it cannot read before it looks at the body.
    if (request.headers['content-type'] === undefined) return;
    const { schema } = request.routeOptions;
    if (!request.is404 && schema?.body === undefined) delete request.headers['content-type'];
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) => {
    if (NOTHING.test(lenient.decode(bytes).replace(BLANKS_AROUND, ''))) return undefined;
    throw invalidFields([{ in: 'body', pointer: '', detail: 'must be empty: this request takes no body' }]);
  });
}
