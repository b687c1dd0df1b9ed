import type { Delivery, DeliveryList } from '../contract/delivery.ts';
import { ENDINGS, type Webhook } from '../contract/webhook.ts';
import { isoTime } from '../store/job-view.ts';
import type { StoredWebhook } from '../store/stored-webhooks.ts';
import { messageId, type Told, type WebhookMessage } from '../store/webhook-messages.ts';
import { leadsInside } from '../webhooks/address.ts';
import type { ApiDeps } from './deps.ts';
import { invalidFields } from './http/problems.ts';
import { pathOfJob } from './links.ts';

/** The webhooks of new jobs, and how the API shows what they were told. */

/** As the record of a new job has them. @throws {ProblemError} validation_failed */
export function webhooksFor(
  asked: readonly Webhook[],
  { webhookRules: rules }: Pick<ApiDeps, 'webhookRules'>,
): StoredWebhook[] {
  const errors = asked.flatMap(({ url }, i) => {
    const detail = refusal(url, rules);
    return detail === undefined ? [] : [{ in: 'body' as const, pointer: `/webhooks/${i}/url`, detail }];
  });
  if (errors.length > 0) throw invalidFields(errors);
  const own = asked.map(({ url, events }) => ({ url: new URL(url).href, events: [...new Set(events)] }));
  return rules.forAll ? [...own, { url: undefined, events: ENDINGS }] : own;
}

function refusal(url: string, { on, allowPrivate }: ApiDeps['webhookRules']): string | undefined {
  if (!on) return 'webhooks are off here, because the operator has set no WEBHOOK_SECRET; leave them out';
  if (allowPrivate || !leadsInside(new URL(url))) return undefined;
  return 'must not lead to this machine or a private network, unless the operator sets WEBHOOK_ALLOW_PRIVATE=1';
}

/** @param basePath BASE_PATH @param isOwner whether the reader may see whole URLs, which may hold secrets */
export function renderDelivery(
  basePath: string,
  job: string,
  { webhooks }: Told,
  message: WebhookMessage,
  isOwner: boolean,
): Delivery {
  const id = messageId(job, message);
  const { event, state, atMs, attempts, nextMs } = message;
  return {
    object: 'delivery',
    id,
    event,
    url: shownUrl(webhooks[message.webhook]?.url, isOwner),
    state,
    created_at: isoTime(atMs),
    attempts: [...attempts],
    next_attempt_at: state === 'pending' ? isoTime(nextMs) : null,
    links: { redeliver: `${pathOfJob(basePath, job)}/deliveries/${id}/redeliver` },
  };
}

export function renderDeliveries(basePath: string, job: string, told: Told, isOwner: boolean): DeliveryList {
  return {
    object: 'list',
    webhooks: told.webhooks.map(({ url, events }) => ({ url: shownUrl(url, isOwner), events: [...events] })),
    data: told.messages.map((message) => renderDelivery(basePath, job, told, message, isOwner)),
    has_more: false,
  };
}

const shownUrl = (url: string | undefined, isOwner: boolean): string | null =>
  url === undefined ? null : isOwner ? url : `${new URL(url).origin}/...`;
