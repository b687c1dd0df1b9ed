import { z } from 'zod';
import { JobIdSchema, JobResultSchema, JobStatusSchema, TimeSchema } from './job.ts';
import { NameSchema } from './job-spec.ts';
import { WebhookEventSchema } from './webhook.ts';

/** The messages to webhooks, and what became of them. */

/** What a receiver gets: the body of a message. */
export const WebhookBodySchema = z.strictObject({
  type: WebhookEventSchema,
  /** Of the event. */
  timestamp: TimeSchema,
  data: z.strictObject({
    id: JobIdSchema,
    status: JobStatusSchema,
    name: NameSchema.nullable(),
    result: JobResultSchema.nullable(),
  }),
});
export type WebhookBody = z.output<typeof WebhookBodySchema>;

export const DELIVERY_ID_PATTERN = /^msg_[0-9A-HJKMNP-TV-Z]{26}_[0-9]{1,4}_[0-9]{10,15}$/;

export const DeliveryIdSchema = z
  .string()
  .regex(DELIVERY_ID_PATTERN)
  .meta({
    id: 'DeliveryId',
    description: 'The `webhook-id` of the message, the same in each of its attempts.',
    examples: ['msg_01KAXW3Q2M5N6P7Q8R9S0T1V2W_1_1764583200000'],
  });

export const DeliveryAttemptSchema = z
  .strictObject({
    at: TimeSchema,
    status: z.int().nullable().meta({ description: 'The HTTP status of the answer; null without one.' }),
    error: z.string().nullable().meta({ description: 'Why it failed; null if it did not.' }),
    duration_seconds: z.number().gte(0),
  })
  .meta({ id: 'DeliveryAttempt' });
export type DeliveryAttempt = z.output<typeof DeliveryAttemptSchema>;

export const DeliverySchema = z
  .strictObject({
    object: z.literal('delivery'),
    id: DeliveryIdSchema,
    event: WebhookEventSchema,
    url: z.string().nullable().meta({
      description:
        "Where it goes. For others than the job's owner it ends after the host. null: to the address that the operator has set for all jobs.",
    }),
    state: z.enum(['pending', 'delivered', 'failed']).meta({
      description: 'pending: it is tried at `next_attempt_at`, or when those before it are done.',
    }),
    created_at: TimeSchema,
    attempts: z.array(DeliveryAttemptSchema).meta({ description: 'The latest ten, oldest first.' }),
    next_attempt_at: TimeSchema.nullable(),
    links: z.strictObject({ redeliver: z.string() }),
  })
  .meta({ id: 'Delivery' });
export type Delivery = z.output<typeof DeliverySchema>;

export const DeliveryListSchema = z
  .strictObject({
    object: z.literal('list'),
    webhooks: z
      .array(z.strictObject({ url: z.string().nullable(), events: z.array(WebhookEventSchema) }))
      .meta({ description: "The job's webhooks, `url` as in a delivery." }),
    data: z.array(DeliverySchema),
    has_more: z.literal(false),
  })
  .meta({ id: 'DeliveryList' });
export type DeliveryList = z.output<typeof DeliveryListSchema>;
