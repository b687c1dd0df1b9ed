import { promises as dns } from 'node:dns';
import type { WebhookBody } from '../contract/delivery.ts';
import type { JobStatus } from '../contract/job.ts';
import { monotonicMs, wallClockMs } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { isoTime, jobOf } from '../store/job-view.ts';
import type { JobStore } from '../store/jobs.ts';
import {
  type Lane,
  messageId,
  type WebhookMessage,
  type WebhookMessages,
} from '../store/webhook-messages.ts';
import { PostError, post } from './post.ts';
import { type Answer, afterAttempt, type Outcome } from './retries.ts';
import { signedHeaders } from './signature.ts';

/** How often it looks for messages. */
const LOOK_MS = 500;
/** Messages under way at a time: in all, and to one host, so that a slow receiver leaves room for the others. */
const MOST_SENDS = 64;
const MOST_TO_A_HOST = 4;
const PAGE = 1_000;
const TIMEOUT_MS = 10_000;
/** Longer than an attempt takes. A lane whose sender has died meanwhile is due again then. */
const CLAIM_MS = 15_000;
/** For what is under way when the process stops. */
const STOP_MS = 2_000;
const DNS = { timeout: 2_000, tries: 2 };

export interface SenderSettings {
  /** whsec_... */
  secret: string;
  /** Of the operator's webhook. */
  urlForAll: string | undefined;
  allowPrivate: boolean;
  version: string;
}

/**
 * Sends the messages to webhooks that are due. Each API has one; they share the work by claiming lanes for a time, so
 * nobody waits for a process that has died. A message is sent at least once: again, if its sender dies before it has
 * stored the answer.
 */
export class WebhookSender {
  /** Attempts of this process, by what came of them. */
  readonly outcomes: Record<Outcome, number> = { delivered: 0, retried: 0, failed: 0 };
  readonly #messages: WebhookMessages;
  readonly #jobs: Pick<JobStore, 'get'>;
  readonly #settings: SenderSettings;
  readonly #log: Log;
  readonly #resolver: PostResolver;
  readonly #sends = new Set<Promise<void>>();
  readonly #toHost = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    messages: WebhookMessages,
    jobs: Pick<JobStore, 'get'>,
    settings: SenderSettings,
    log: Log,
    resolver: PostResolver = new dns.Resolver(DNS),
  ) {
    this.#messages = messages;
    this.#jobs = jobs;
    this.#settings = settings;
    this.#log = log;
    this.#resolver = resolver;
  }

  start(): void {
    const next = async () => {
      try {
        await this.look();
      } catch (error) {
        this.#log.warn({ err: error }, 'webhooks could not be looked at; trying again');
      }
      if (!this.#stopped) this.#timer = setTimeout(() => void next(), LOOK_MS);
    };
    void next();
  }

  /** Waits a moment for what is under way; the rest is sent again, by another process or after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([Promise.all(this.#sends), late]);
    clearTimeout(timer);
  }

  /** Begins to send what is due, as far as there is room. @throws {StoreUnavailableError} */
  async look(): Promise<void> {
    for (let skip = 0; this.#hasRoom(); skip += PAGE) {
      const lanes = await this.#messages.due(skip, PAGE);
      for (const lane of lanes) {
        const host = hostOf(lane, this.#settings);
        const busy = this.#toHost.get(host) ?? 0;
        if (!this.#hasRoom()) return;
        if (busy < MOST_TO_A_HOST && (await this.#messages.claim(lane, CLAIM_MS))) this.#begin(lane, host);
      }
      if (lanes.length < PAGE) return;
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#sends.size > 0) await Promise.all(this.#sends);
  }

  #hasRoom(): boolean {
    return !this.#stopped && this.#sends.size < MOST_SENDS;
  }

  #begin(lane: Lane, host: string): void {
    this.#toHost.set(host, (this.#toHost.get(host) ?? 0) + 1);
    const send = this.#sendFirst(lane)
      .catch((error: unknown) =>
        this.#log.warn({ err: error, job: lane.job }, 'a webhook could not be sent; trying again'),
      )
      .finally(() => {
        this.#sends.delete(send);
        const left = (this.#toHost.get(host) ?? 1) - 1;
        if (left === 0) this.#toHost.delete(host);
        else this.#toHost.set(host, left);
      });
    this.#sends.add(send);
  }

  /** Sends the lane's first pending message, and stores what came of it. */
  async #sendFirst(lane: Lane): Promise<void> {
    const { job, webhook, host } = lane;
    const told = await this.#messages.of(undefined, job);
    const message = told?.messages.find((one) => one.webhook === webhook && one.state === 'pending');
    const view = message && (await this.#jobs.get(undefined, job));
    if (told === undefined || message === undefined || view === undefined) {
      return await this.#messages.settle(lane);
    }
    const { spec, result } = jobOf(view);
    const body = bodyOf(job, message, { name: spec.name, result });
    const atMs = wallClockMs();
    const startedMs = monotonicMs();
    const answer = await this.#post(
      told.webhooks[webhook]?.url ?? this.#settings.urlForAll,
      message,
      job,
      body,
    );
    const attempt = {
      at: isoTime(atMs),
      duration_seconds: Math.round(monotonicMs() - startedMs) / 1000,
    };
    const { outcome, change, error } = afterAttempt(message, attempt, answer, Math.random());
    this.outcomes[outcome] += 1;
    await this.#messages.change(job, message, host, change);
    const about = { job, delivery: messageId(job, message), owner: told.owner, host };
    if (outcome === 'delivered') this.#log.info(about, 'a webhook was delivered');
    else if (outcome === 'failed') this.#log.warn({ ...about, reason: error }, 'a webhook was given up');
    else this.#log.info({ ...about, reason: error }, 'a webhook was not delivered; trying again');
  }

  async #post(url: string | undefined, message: WebhookMessage, job: string, body: string): Promise<Answer> {
    const { secret, version, allowPrivate } = this.#settings;
    if (url === undefined) return { error: 'WEBHOOK_URL is not set any more', isFinal: true };
    const signed = { id: messageId(job, message), seconds: Math.floor(wallClockMs() / 1000), body };
    const headers = {
      ...signedHeaders(secret, signed),
      'content-type': 'application/json',
      'user-agent': `Descent/${version}`,
    };
    const options = { headers, body, allowPrivate, resolver: this.#resolver, timeoutMs: TIMEOUT_MS };
    try {
      return { status: await post(new URL(url), options) };
    } catch (error) {
      if (error instanceof PostError) return { error: error.message, isFinal: error.isFinal };
      throw error;
    }
  }
}

type PostResolver = Pick<dns.Resolver, 'resolve4' | 'resolve6'>;

const hostOf = ({ host }: Lane, { urlForAll }: SenderSettings): string =>
  host === '' && urlForAll !== undefined ? new URL(urlForAll).host : host;

/** Events of a job are named after the status that it has then. */
const statusOf = (event: WebhookMessage['event']): JobStatus => event.slice('job.'.length) as JobStatus;

function bodyOf(
  job: string,
  { event, atMs }: WebhookMessage,
  { name, result }: Pick<WebhookBody['data'], 'name' | 'result'>,
): string {
  const body: WebhookBody = {
    type: event,
    timestamp: isoTime(atMs),
    data: { id: job, status: statusOf(event), name, result: event === 'job.succeeded' ? result : null },
  };
  return JSON.stringify(body);
}
