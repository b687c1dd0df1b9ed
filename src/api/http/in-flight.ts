import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

const KEY = 'uncounted';

/** For a route's config: never refused for the number of requests under way, and not counted among them. */
export const UNCOUNTED = { [KEY]: true } as FastifyContextConfig;

/**
 * Refuses requests while many are under way. Without it, all of them would be accepted, wait for each other, and be
 * answered late; so those that are accepted are answered soon, and the others are told at once to come back.
 *
 * A request is under way from the arrival of its body until its response is ready: a client that sends or reads slowly
 * costs no work, and must not keep others out.
 *
 * @param most requests under way at a time; further ones get `overloaded`.
 */
export function limitInFlight(app: FastifyInstance, most: number): void {
  const underWay = new WeakSet<FastifyRequest>();
  let count = 0;
  const leave = (request: FastifyRequest) => {
    if (underWay.delete(request)) count -= 1;
  };
  app.addHook('preValidation', async (request: FastifyRequest, reply: FastifyReply) => {
    if (KEY in (request.routeOptions.config ?? {})) return;
    if (count >= most) {
      throw new ProblemError(
        'overloaded',
        `${most} requests are under way, as many as this server takes at a time. Retry in a second or two.`,
        { headers: { 'retry-after': '2' } },
      );
    }
    count += 1;
    underWay.add(request);
    // The client may go away before there is a response.
    reply.raw.once('close', () => leave(request));
  });
  app.addHook('onSend', async (request) => leave(request));
}
