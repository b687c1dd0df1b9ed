import { z } from 'zod';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../contract/webhook.ts';

/** The webhooks of a job, as its record has them. */

const EventsSchema = z.array(z.enum(WEBHOOK_EVENTS));

/** A webhook of a job, as the record has it. */
export interface StoredWebhook {
  /** undefined: the one that the operator has set for all jobs, whatever its URL is when a message is sent. */
  url: string | undefined;
  events: readonly WebhookEvent[];
}

/** The operator's webhook, which has no URL in the record. */
const OF_OPERATOR = '-';

/** The field `webhooks` of the record: a line for each, which transitions/events.lua reads. A URL has no blanks. */
export const webhooksText = (webhooks: readonly StoredWebhook[]): string =>
  webhooks.map(({ url, events }) => `${events.join(',')} ${url ?? OF_OPERATOR}`).join('\n');

export function webhooksOf(text: string): StoredWebhook[] {
  return text.split('\n').flatMap((line) => {
    const [events = '', url] = line.split(' ');
    if (url === undefined) return [];
    return [{ url: url === OF_OPERATOR ? undefined : url, events: EventsSchema.parse(events.split(',')) }];
  });
}

/** The host in a webhook's lane, as transitions/events.lua cuts it out. */
export const hostIn = (url: string | undefined): string => /^[a-z]+:\/\/([^/?]+)/.exec(url ?? '')?.[1] ?? '';
