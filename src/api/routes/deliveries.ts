import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { DeliveryListSchema, DeliverySchema } from '../../contract/delivery.ts';
import { hostIn } from '../../store/stored-webhooks.ts';
import { messageId, type Told } from '../../store/webhook-messages.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { sendJson } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { DeliveryPathSchema, JobPathSchema } from '../http/request-schemas.ts';
import { DELIVERY, DELIVERY_LIST } from '../openapi/event-examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import { renderDeliveries, renderDelivery } from '../webhooks.ts';

/** What the webhooks of a job were told: as a list, and each once more. */
export function deliveryRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { webhooks, basePath } = deps;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'GET',
    url: '/jobs/:id/deliveries',
    schema: { params: JobPathSchema },
    config: LIST,
    handler: async (request, reply) => {
      const { id } = request.params;
      const told = await toldOf(request, id);
      const list = renderDeliveries(basePath, id, told, callerOf(request).owner === told.owner);
      return sendJson(reply, JSON.stringify(list));
    },
  });

  routes.route({
    method: 'POST',
    url: '/jobs/:id/deliveries/:delivery/redeliver',
    schema: { params: DeliveryPathSchema },
    config: REDELIVER,
    handler: async (request, reply) => {
      const { id, delivery } = request.params;
      for (let changed = false; ; ) {
        const told = await toldOf(request, id);
        const message = told.messages.find((one) => messageId(id, one) === delivery);
        if (message === undefined) {
          throw new ProblemError(
            'not_found',
            'The job has no such delivery. GET /jobs/{id}/deliveries lists all of them.',
          );
        }
        if (changed) {
          request.log.info({ job: id, delivery }, 'a webhook is to be delivered again');
          const isOwner = callerOf(request).owner === told.owner;
          const shown = renderDelivery(basePath, id, told, message, isOwner);
          return sendJson(reply.code(202), JSON.stringify(shown));
        }
        const again = { state: 'pending', tries: 0, attempts: message.attempts, nextInMs: 0 } as const;
        // If it has just been tried, what came of that is read first.
        changed = await webhooks.change(id, message, hostIn(told.webhooks[message.webhook]?.url), again);
      }
    },
  });
  done();

  async function toldOf(request: FastifyRequest, id: string): Promise<Told> {
    const told = await webhooks.of(scopeOf(request), id);
    if (told === undefined) throw jobNotFound();
    return told;
  }
}

const LIST = documented({
  operationId: 'listDeliveries',
  tag: 'jobs',
  access: 'reader',
  summary: 'What the webhooks of a job were told',
  description:
    "The job's webhooks, and each message to them with its attempts. A message that gets no answer of 200 to 299 within 10 seconds is tried again after 5 s, 30 s, 5 min, 30 min and 2 h, or a little later, and has then failed; a 410 ends it at once. The messages to one webhook are sent in the order of the job's events. They go when the job is deleted, also those that are pending.",
  responses: {
    200: json('All of them, in the order of the events.', DeliveryListSchema, {
      examples: { retried: { summary: 'Delivered at the second attempt', value: DELIVERY_LIST } },
    }),
  },
  problems: ['job_not_found', 'store_unavailable'],
});

const REDELIVER = documented({
  operationId: 'redeliver',
  tag: 'jobs',
  access: 'writer',
  summary: 'Send a message to a webhook again',
  description:
    'Sends it as soon as possible, whatever became of it, with its old `webhook-id` and all its attempts anew. A pending one does not wait for the time of its next attempt.',
  responses: {
    202: json('It is pending.', DeliverySchema, {
      examples: { pending: { summary: 'Pending again', value: DELIVERY } },
    }),
  },
  problems: ['job_not_found', 'not_found', 'store_unavailable', 'store_read_only', 'storage_full'],
});
