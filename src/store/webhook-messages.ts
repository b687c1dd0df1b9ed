import { z } from 'zod';
import { type DeliveryAttempt, DeliveryAttemptSchema } from '../contract/delivery.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../contract/webhook.ts';
import type { Redis } from '../redis/connections.ts';
import type { Scope } from './jobs.ts';
import type { Keys } from './keys.ts';
import { type StoredWebhook, webhooksOf } from './stored-webhooks.ts';
import { allAnswered, runScript, scriptOf } from './transition-runner.ts';

/**
 * The messages to webhooks. The transition that appends an event also writes the messages about it, so none is lost
 * between the two, and puts the lanes of their webhooks into `lanes`. A lane is one webhook of one job: its messages are
 * sent in the order of their numbers, each when the one before it is delivered or has failed for good.
 */

const EventSchema = z.enum(WEBHOOK_EVENTS);
const StateSchema = z.enum(['pending', 'delivered', 'failed']);

export interface WebhookMessage {
  /** From 1, in the order of the job's events. */
  number: number;
  event: WebhookEvent;
  /** Time of the event, in ms since the Unix epoch. */
  atMs: number;
  /** Which of the job's webhooks, from 0. */
  webhook: number;
  state: z.output<typeof StateSchema>;
  /** When it is tried next, if it is pending. */
  nextMs: number;
  /** Attempts since it was made, or asked for again. */
  tries: number;
  /** The latest ones, oldest first. */
  attempts: readonly DeliveryAttempt[];
  /** As it is stored, so that a change can tell whether another came before it. */
  text: string;
}

const AttemptsSchema = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(z.array(DeliveryAttemptSchema));
const count = z.coerce.number().int().gte(0);
const MessageSchema = z.tuple([EventSchema, count, count, StateSchema, count, count, AttemptsSchema]);

/** transitions/events.lua writes the first form of this text. */
function messageOf(number: string, text: string): WebhookMessage {
  const words = text.split(' ');
  // Only the last one, JSON, has blanks.
  const fields = [...words.slice(0, 6), words.slice(6).join(' ')];
  const [event, atMs, webhook, state, nextMs, tries, attempts] = MessageSchema.parse(fields);
  return { number: Number(number), event, atMs, webhook, state, nextMs, tries, attempts, text };
}

/** The text of a changed message; SETTLE fills in the time of the next attempt. */
const changedText = ({ event, atMs, webhook }: WebhookMessage, { state, tries, attempts }: Change): string =>
  [event, atMs, webhook, state, 'NEXT', tries, JSON.stringify(attempts)].join(' ');

/** `webhook-id` of a message. The time tells it from one that Redis lost in a crash, which had the same number. */
export const messageId = (job: string, { number, atMs }: Pick<WebhookMessage, 'number' | 'atMs'>): string =>
  `msg_${job.slice('job_'.length)}_${number}_${atMs}`;

/** A member of `lanes`, with the time of its next attempt. */
export interface Lane {
  member: string;
  job: string;
  webhook: number;
  /** Of the URL; empty for the operator's. */
  host: string;
  dueMs: number;
}

function laneOf(member: string, dueMs: number): Lane {
  const [job = '', webhook = '', ...host] = member.split(':');
  return { member, job, webhook: Number(webhook), host: host.join(':'), dueMs };
}

/** KEYS: lanes; ARGV: how many to skip, and how many at most. */
const READ_DUE = scriptOf(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'WITHSCORES', 'LIMIT', ARGV[1], ARGV[2])
`);

/**
 * KEYS: lanes; ARGV: the lane, the time that it was due, ms. Puts off a lane that is due, for the caller alone. The ZREM
 * comes first: a full Redis accepts it, and then every later write of the script.
 */
const CLAIM = scriptOf(`
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then
  return 0
end
local time = redis.call('TIME')
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[3], ARGV[1])
return 1
`);

/**
 * KEYS: messages of a job, lanes; ARGV: the lane and its webhook, then the number of a message, its text as it was read
 * and its new text, in which NEXT stands for now + ms, the last argument; or no more, for no change. Then the lane is due
 * when its first pending message is. Returns whether the text was as it was read.
 */
const SETTLE = scriptOf(`
local changed = 1
local new = ARGV[5]
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[3] then
  if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[4] then
    local time = redis.call('TIME')
    local next_at = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[6]
    new = string.gsub(new, 'NEXT', string.format('%.0f', next_at), 1)
    redis.call('HSET', KEYS[1], ARGV[3], new)
  else
    changed = 0
  end
end
local all = redis.call('HGETALL', KEYS[1])
local first, due
for i = 1, #all, 2 do
  local webhook, state, next_at = string.match(all[i + 1], '^%S+ %S+ (%S+) (%S+) (%S+)')
  local number = tonumber(all[i])
  if webhook == ARGV[2] and state == 'pending' and (not first or number < first) then
    first, due = number, next_at
  end
end
if first then
  redis.call('ZADD', KEYS[2], due, ARGV[1])
end
return changed
`);

const MEMBERS = z.array(z.string());
const StoredSchema = z.tuple([
  z.tuple([z.string().nullable(), z.string().nullable()]),
  z.record(z.string(), z.string()),
]);

/** What a job's webhooks are, and what they are told. */
export interface Told {
  owner: string;
  webhooks: StoredWebhook[];
  /** In the order of their numbers. */
  messages: WebhookMessage[];
}

/** A change of a message; `nextInMs`: when it is tried again. */
export type Change = Pick<WebhookMessage, 'state' | 'tries' | 'attempts'> & { nextInMs: number };

/** Every method may throw StoreUnavailableError. */
export class WebhookMessages {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** The lanes that are due, those that wait longest first. */
  async due(skip: number, most: number): Promise<Lane[]> {
    const list = MEMBERS.parse(await runScript(this.#redis, READ_DUE, [this.#keys.lanes], [skip, most]));
    const lanes: Lane[] = [];
    for (let i = 0; i < list.length; i += 2) lanes.push(laneOf(list[i], Number(list[i + 1])));
    return lanes;
  }

  /** Takes a lane for a time. @returns false when another process has taken it, or it has changed. */
  async claim({ member, dueMs }: Lane, forMs: number): Promise<boolean> {
    return (await runScript(this.#redis, CLAIM, [this.#keys.lanes], [member, dueMs, forMs])) === 1;
  }

  /** @returns undefined when there is no such job in the scope. */
  async of(scope: Scope, job: string): Promise<Told | undefined> {
    const replies = await allAnswered(() =>
      this.#redis
        .pipeline()
        .hmget(this.#keys.job(job), 'owner', 'webhooks')
        .hgetall(this.#keys.messages(job))
        .exec(),
    );
    const [[owner, webhooks], stored] = StoredSchema.parse(replies);
    if (owner === null || (scope !== undefined && owner !== scope)) return undefined;
    const messages = Object.entries(stored)
      .map(([number, text]) => messageOf(number, text))
      .sort((a, b) => a.number - b.number);
    return { owner, webhooks: webhooksOf(webhooks ?? ''), messages };
  }

  /**
   * Stores the change of a message, unless it has changed since it was read, and sets when its lane is due.
   * @returns whether it was stored.
   */
  async change(job: string, message: WebhookMessage, host: string, change: Change): Promise<boolean> {
    const lane = `${job}:${message.webhook}:${host}`;
    const now = changedText(message, change);
    const args = [lane, message.webhook, message.number, message.text, now, change.nextInMs];
    return (await runScript(this.#redis, SETTLE, this.#settled(job), args)) === 1;
  }

  /** Forgets a lane without messages to send. */
  async settle({ job, member, webhook }: Lane): Promise<void> {
    await runScript(this.#redis, SETTLE, this.#settled(job), [member, webhook]);
  }

  /** How many webhooks of jobs have messages to send. */
  async waiting(): Promise<number> {
    const [lanes] = await allAnswered(() => this.#redis.pipeline().zcard(this.#keys.lanes).exec());
    return z.number().parse(lanes);
  }

  #settled(job: string): string[] {
    return [this.#keys.messages(job), this.#keys.lanes];
  }
}
