import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './deps.ts';

/**
 * The record is what counts, so the client does not wait for the queue: if enqueueing fails, the reconciler repeats it.
 * @returns the function that enqueues; closing the app waits for calls under way.
 */
export function enqueueInBackground(
  app: FastifyInstance,
  { queue }: Pick<ApiDeps, 'queue'>,
): (deliveryId: string) => void {
  const underWay = new Set<Promise<unknown>>();
  app.addHook('onClose', async () => {
    await Promise.allSettled(underWay);
  });
  return (deliveryId) => {
    const enqueued = queue
      .enqueue(deliveryId)
      .catch((err: unknown) => app.log.error({ err, deliveryId }, 'a job could not be enqueued'))
      .finally(() => underWay.delete(enqueued));
    underWay.add(enqueued);
  };
}
