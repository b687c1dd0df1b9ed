import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

const KEY = 'uncounted';

/** For a route's config: never refused for the number of requests under way, and not counted among them. */
export const UNCOUNTED = { [KEY]: true } as FastifyContextConfig;

/**
 * Refuses requests while many are under way. Without it, all of them would be accepted, wait for each other, and be
 * answered late; so those that are accepted are answered soon, and the others are told at once to come back.
 */
export class InFlight {
  readonly #most: number;
  #count = 0;

  /** @param most requests under way at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * An onRequest hook.
   * @throws {ProblemError} overloaded
   */
  enter = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (KEY in (request.routeOptions.config ?? {})) return;
    if (this.#count >= this.#most) {
      throw new ProblemError(
        'overloaded',
        `${this.#most} requests are under way, as many as this server takes at a time. Retry in a second or two.`,
        { headers: { 'retry-after': '2' } },
      );
    }
    this.#count += 1;
    // Also when the client goes away.
    reply.raw.once('close', () => {
      this.#count -= 1;
    });
  };
}
