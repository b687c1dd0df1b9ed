import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AskedJob, type Created, createAndAnswer, repeatOf, type WaitingDeps } from './create-job.ts';
import { parseIdempotencyKey } from './http/idempotency.ts';

/** Who asks for a job, and with what request. */
export type By = Pick<AskedJob, 'owner' | 'trace' | 'key' | 'sent'>;

/**
 * Answers a request to create a job from another one. A repeat gets its stored response before that other job is read,
 * which may be gone by then.
 * @param body as it was sent
 * @throws {ProblemError}
 */
export async function createFromJob(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: WaitingDeps,
  body: unknown,
  create: (by: By) => Promise<Created>,
): Promise<FastifyReply> {
  const key = parseIdempotencyKey(request.headers['idempotency-key']);
  // The same key and body ask for another job elsewhere.
  const sent = { path: request.url.split('?')[0], body };
  return await createAndAnswer(request, reply, deps, async (caller) => {
    const by = { ...caller, key, sent };
    return (await repeatOf(deps, by)) ?? (await create(by));
  });
}
