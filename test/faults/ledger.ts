import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { Broken } from './experiment.ts';

/** A job that a 202 has promised to the client. */
export interface Acknowledged {
  id: string;
  key: string;
  spec: object;
  /** The first response, which every repeat must return again. */
  body: string;
  /** When the 202 arrived, on the client's monotonic clock. */
  atMs: number;
  cancelled: boolean;
}

const REQUEST_TIMEOUT_MS = 10_000;
const PAUSE_MS = 50;

/**
 * The client of a trial. It writes a line into its ledger before and after each request. In the end, the promises in
 * the ledger are compared with the state of the service.
 */
export class Client {
  readonly acknowledged = new Map<string, Acknowledged>();
  /** Jobs whose removal was acknowledged. */
  readonly removed = new Set<string>();
  /** Requests that got no response or a 503, and were repeated. */
  repeated = 0;
  readonly #file: string;
  readonly #url: () => string;
  #requests = 0;

  constructor(file: string, url: () => string) {
    this.#file = file;
    this.#url = url;
  }

  /** Posts a job until it is accepted, always with the same Idempotency-Key. */
  async create(spec: object, key: string = randomUUID()): Promise<Acknowledged> {
    // The job carries the key that it was posted with, and trains in any case, unless its spec says otherwise.
    const sent = { cache: false, ...spec, metadata: { key } };
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(sent),
    };
    const { status, body } = await this.insist('create', '/jobs', init, { key });
    // 200: with a cached result.
    if (status !== 202 && status !== 200) throw new Broken(`POST /jobs was answered ${status}: ${body}`);
    return this.acknowledge(key, sent, body);
  }

  /** Records a 202, and compares it with an earlier one for the same key. */
  acknowledge(key: string, spec: object, body: string): Acknowledged {
    const { id } = JSON.parse(body) as { id: string };
    const known = [...this.acknowledged.values()].find((earlier) => earlier.key === key);
    if (known !== undefined && known.body !== body)
      throw new Broken(`two responses to one key:\n${known.body}\n${body}`);
    const entry = known ?? { id, key, spec, body, atMs: performance.now(), cancelled: false };
    this.acknowledged.set(id, entry);
    return entry;
  }

  /** @returns false when the cancel came too late and the job had ended. */
  async cancel(id: string): Promise<boolean> {
    const entry = this.acknowledged.get(id);
    // Set before the request: the cancel may take effect although its response is lost.
    if (entry !== undefined) entry.cancelled = true;
    const { status, body } = await this.insist('cancel', `/jobs/${id}/cancel`, { method: 'POST' }, { id });
    if (status !== 202 && status !== 409) throw new Broken(`a cancel was answered ${status}: ${body}`);
    return status === 202;
  }

  /** @returns false when the job had ended. */
  async pause(id: string, now: boolean): Promise<boolean> {
    const path = `/jobs/${id}/pause?now=${now}`;
    const { status, body } = await this.insist('pause', path, { method: 'POST' }, { id });
    if (status !== 202 && status !== 409) throw new Broken(`a pause was answered ${status}: ${body}`);
    return status === 202;
  }

  /** Resumes a job as soon as it is paused, unless it ends before. */
  async resume(id: string): Promise<void> {
    for (;;) {
      const { status, body } = await this.insist('resume', `/jobs/${id}/resume`, { method: 'POST' }, { id });
      if (status === 202 || body.includes('job_finished')) return;
      if (!body.includes('job_not_paused')) throw new Broken(`a resume was answered ${status}: ${body}`);
      await sleep(PAUSE_MS);
    }
  }

  /**
   * Forks a job without a change. @returns undefined when it has no checkpoint, or one of its last epoch alone.
   */
  async fork(parent: Acknowledged): Promise<Acknowledged | undefined> {
    const key = randomUUID();
    const sent = { ...parent.spec, metadata: { key } };
    const body = JSON.stringify({ overrides: { metadata: { key } } });
    return await this.#goOn(parent, 'fork', { key, sent, body });
  }

  /** Trains a job for more epochs. @returns undefined when it kept no checkpoint of the last it was asked for. */
  async extend(parent: Acknowledged, epochs: number): Promise<Acknowledged | undefined> {
    const key = randomUUID();
    const { training } = parent.spec as { training: object };
    const sent = { ...parent.spec, training: { ...training, epochs }, metadata: { key } };
    const extended = await this.#goOn(parent, 'extend', { key, sent, body: JSON.stringify({ epochs }) });
    if (extended === undefined) return undefined;
    // It has the metadata of its parent.
    const headers = { 'content-type': 'application/merge-patch+json' };
    const patch = { method: 'PATCH', headers, body: JSON.stringify({ metadata: { key } }) };
    const { status, body } = await this.insist('update', `/jobs/${extended.id}`, patch, { id: extended.id });
    if (status !== 200) throw new Broken(`a PATCH was answered ${status}: ${body}`);
    return extended;
  }

  async #goOn(
    { id }: Acknowledged,
    how: 'fork' | 'extend',
    { key, sent, body }: { key: string; sent: object; body: string },
  ): Promise<Acknowledged | undefined> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const answer = await this.insist(how, `/jobs/${id}/${how}`, { method: 'POST', headers, body }, { id });
    if (answer.status === 202) return this.acknowledge(key, sent, answer.body);
    if (answer.status === 409 || answer.body.includes('the epoch that it goes on from')) return undefined;
    throw new Broken(`POST of a ${how} was answered ${answer.status}: ${answer.body}`);
  }

  async remove(id: string): Promise<void> {
    const { status, body } = await this.insist('remove', `/jobs/${id}`, { method: 'DELETE' }, { id });
    // 404: an earlier attempt succeeded and its response was lost.
    if (status !== 204 && status !== 404) throw new Broken(`a DELETE was answered ${status}: ${body}`);
    this.acknowledged.delete(id);
    this.removed.add(id);
  }

  /** @returns undefined when there is no such job. */
  async job(id: string): Promise<Job | undefined> {
    const { status, body } = await this.insist('look', `/jobs/${id}`, {}, { id });
    if (status === 404) return undefined;
    if (status !== 200) throw new Broken(`GET of a job was answered ${status}: ${body}`);
    return JobSchema.parse(JSON.parse(body));
  }

  /** Sends one request. Returns the status and the body, or the reason why there was no response. */
  async ask(
    what: string,
    path: string,
    init: RequestInit,
    about: object = {},
  ): Promise<{ status: number; body: string; headers: Headers } | { failed: string }> {
    const request = ++this.#requests;
    const url = this.#url();
    this.#write({ request, what, ...about, asked: performance.now() });
    try {
      const response = await fetch(`${url}${path}`, {
        ...init,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const body = await response.text();
      this.#write({ request, answered: performance.now(), status: response.status, body: body.slice(0, 60) });
      return { status: response.status, body, headers: response.headers };
    } catch (error) {
      const failed = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error);
      this.#write({ request, failed: performance.now(), error: failed });
      return { failed };
    }
  }

  /** Repeats a request until the response is final, that is, not a 503. */
  async insist(
    what: string,
    path: string,
    init: RequestInit,
    about: object,
  ): Promise<{ status: number; body: string; headers: Headers }> {
    for (;;) {
      const answer = await this.ask(what, path, init, about);
      if ('status' in answer) {
        if (answer.status === 500) throw new Broken(`${what} was answered 500: ${answer.body}`);
        if (answer.status !== 503 && answer.status !== 429) return answer;
      }
      this.repeated++;
      await sleep(PAUSE_MS);
    }
  }

  #write(line: object): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
