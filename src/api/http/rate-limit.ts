import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import { monotonicMs } from '../../process/clock.ts';
import { ProblemError } from './problems.ts';
import type { TokenBuckets } from './token-buckets.ts';

const KEY = 'unlimited';

/** For a route's config: probes and scrapers are neither counted nor refused. */
export const UNLIMITED = { [KEY]: true } as FastifyContextConfig;

/**
 * An onRequest hook, after the authentication, that limits the requests of each owner, in this process alone, so that a request costs no round
 * trip. The fields are those of draft-ietf-httpapi-ratelimit-headers-11.
 */
export function buildRateLimit(
  buckets: TokenBuckets,
  perMinute: number,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const policy = `"requests";q=${perMinute};w=60`;
  return async (request, reply) => {
    // Public operations have no caller.
    if (KEY in (request.routeOptions.config ?? {}) || request.caller === undefined) return;
    const taken = buckets.take(request.caller.owner, monotonicMs());
    reply
      .header('ratelimit-policy', policy)
      .header('ratelimit', `"requests";r=${taken.remaining};t=${taken.fullInSeconds}`);
    if (taken.allowed) return;
    throw new ProblemError(
      'rate_limited',
      `You may make ${perMinute} requests a minute (QUOTA_REQUESTS_PER_MINUTE), and have made them. Wait ${taken.nextInSeconds} s for the next one, or follow a job's event stream instead of asking for it again and again.`,
      { headers: { 'retry-after': String(taken.nextInSeconds) } },
    );
  };
}
