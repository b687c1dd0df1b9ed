import { z } from 'zod';

/** Webhooks: addresses that are told what happens to a job. */

export const WEBHOOK_EVENTS = ['job.running', 'job.succeeded', 'job.failed', 'job.cancelled'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The events of a webhook that names none: those that end a job. */
export const ENDINGS = ['job.succeeded', 'job.failed', 'job.cancelled'] as const satisfies WebhookEvent[];

const MOST_WEBHOOKS = 4;
const LONGEST_URL = 2000;
/** Of those below, only the two of the web: others belong to mail, databases and the like. */
const FIRST_FREE_PORT = 1024;

/** Whether it is a URL that a webhook may have, wherever it leads. */
export function isWebhookUrl(text: string): boolean {
  if (text.length > LONGEST_URL || !URL.canParse(text)) return false;
  const { href, protocol, username, password, hash, port } = new URL(text);
  const isWeb = port === '' || ['80', '443'].includes(port) || Number(port) >= FIRST_FREE_PORT;
  return (
    ['http:', 'https:'].includes(protocol) &&
    username + password + hash === '' &&
    isWeb &&
    href.length <= LONGEST_URL
  );
}

const WebhookUrlSchema = z
  .string()
  .refine(isWebhookUrl)
  .meta({
    title: `an http or https URL of at most ${LONGEST_URL} characters, without user, password and fragment, at port 80, 443, or 1024 and above`,
    description: `Where messages are posted: http or https, at most ${LONGEST_URL} characters, port 80, 443, or 1024 and above. Addresses of private networks are refused unless the operator allows them. It may contain a secret: only the job's owner is shown it.`,
    maxLength: LONGEST_URL,
    examples: ['https://example.org/hooks/descent'],
  });

export const WebhookEventSchema = z.enum(WEBHOOK_EVENTS).meta({ id: 'WebhookEvent' });

export const WebhookSchema = z
  .strictObject({
    url: WebhookUrlSchema,
    events: z
      .array(WebhookEventSchema)
      .min(1)
      .max(WEBHOOK_EVENTS.length)
      .default([...ENDINGS])
      .meta({ description: 'What it is told; by default how the job ends.' }),
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.output<typeof WebhookSchema>;

export const WebhooksSchema = z
  .array(WebhookSchema)
  .max(MOST_WEBHOOKS)
  .meta({
    description: `Up to ${MOST_WEBHOOKS} addresses that are told what happens to the job, in signed messages (Standard Webhooks). They are no part of the job's \`spec\`: GET /jobs/{id}/deliveries shows them.`,
  });
