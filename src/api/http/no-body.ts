import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidFields } from './problems.ts';

/**
 * The bodies that client libraries send when there is nothing to send: null or undefined, an empty object, array or
 * string, a form without fields; possibly surrounded by blanks, a byte order mark or C's string terminator.
 */
const NOTHING = /^(?:null|undefined|""|\{\s*\}|\[\s*\]|--\S+--)?$/;
const BLANKS_AROUND = /^[\s\0]+|[\s\0]+$/g;

const lenient = new TextDecoder();

/**
 * Unless its schema has a body, every path takes an empty body in any form that client libraries write. A body with
 * content is refused: the client expects an effect that this API would not have.
 */
export function acceptNoBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Fastify would otherwise leave these bodies unread and ignore their content.
  for (const method of ['GET', 'HEAD']) app.addHttpMethod(method, { hasBody: true, overrideExisting: true });
  app.addHook('onRequest', async (request) => {
    // Fastify refuses unknown types before it reads the body, and the type of an empty body does not matter.
    if (request.headers['content-type'] === undefined) return;
    const { schema } = request.routeOptions;
    if (!request.is404 && schema?.body === undefined) delete request.headers['content-type'];
  });
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, bytes: Buffer) => {
    if (NOTHING.test(lenient.decode(bytes).replace(BLANKS_AROUND, ''))) return undefined;
    throw invalidFields([{ in: 'body', pointer: '', detail: 'must be empty: this request takes no body' }]);
  });
}
