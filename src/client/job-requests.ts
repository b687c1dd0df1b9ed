import { type EventsOptions, type FeedOptions, followFeed } from './events.ts';
import type { Http, HttpRequest } from './http.ts';
import { listOf, pathOf, searchOf } from './paths.ts';
import type {
  Checkpoint,
  CheckpointList,
  Comparison,
  Doctor,
  Evaluation,
  EvaluationRows,
  EvaluationRowsOptions,
  FeedEvent,
  FeedReset,
  FeedStart,
  FindOptions,
  Job,
  JobEvent,
  JobEventList,
  JobList,
  JobPlan,
  JobSpec,
  MetricsList,
  PredictionList,
  PredictOptions,
  PredictRequest,
  StepList,
} from './types.ts';

export interface Abortable {
  signal?: AbortSignal | undefined;
}

export interface CreateOptions extends Abortable {
  /**
   * 1 to 255 visible ASCII characters. The same key with the same spec creates no second job for 24 hours. Without one,
   * each call makes its own, so that only its own repeats are safe.
   */
  idempotencyKey?: string;
}

export interface MetricsOptions extends Abortable {
  after?: number;
  max_points?: number;
}

export interface ListOptions extends Abortable, FindOptions {
  /** Jobs per request: 1 to 1000 (default 20). The next page is requested when you get there. */
  pageSize?: number;
}

/** What a program asks of jobs and gets as JSON. It is all that the page needs, which sends no more of the client. */
export class JobRequests {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a job and returns it at once, queued, or already ended with the result of an earlier one (`cached`).
   * `{}` is the reference run: every field has a default.
   */
  async create(spec: JobSpec = {}, { idempotencyKey = makeKey(), signal }: CreateOptions = {}): Promise<Job> {
    return await this.#json<Job>({
      method: 'POST',
      path: '/jobs',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify(spec),
      signal,
    });
  }

  /** What a job would take, without creating it. */
  async validate(spec: JobSpec = {}, { signal }: Abortable = {}): Promise<JobPlan> {
    return await this.#json<JobPlan>({
      method: 'POST',
      path: '/jobs/validate',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(spec),
      signal,
    });
  }

  async get(id: string, { signal }: Abortable = {}): Promise<Job> {
    return await this.#json<Job>({ path: pathOf(id), signal });
  }

  /** Jobs, newest first unless sorted otherwise, page by page as you take them. */
  async *list({ pageSize, signal, ...find }: ListOptions = {}): AsyncGenerator<Job, void, void> {
    const query = { ...find, limit: pageSize };
    for (let search: string | undefined = searchOf(query); search !== undefined; ) {
      const page: JobList = await this.#json<JobList>({ path: `/jobs${search}`, signal });
      yield* page.data;
      // Only its query: this client knows its own way to the server.
      search = page.next === null ? undefined : page.next.slice(page.next.indexOf('?'));
    }
  }

  /**
   * Trains a job that has succeeded again, as a new job, and returns that. When it has succeeded, `verification` of both
   * says whether they have the same result.
   */
  async verify(id: string, { idempotencyKey = makeKey(), signal }: CreateOptions = {}): Promise<Job> {
    const headers = { 'idempotency-key': idempotencyKey };
    return await this.#json<Job>({ method: 'POST', path: `${pathOf(id)}/verify`, headers, signal });
  }

  /** Cancels a job; a running one is `cancelling` until its worker has stopped. */
  async cancel(id: string, { signal }: Abortable = {}): Promise<Job> {
    return await this.#act(id, 'cancel', signal);
  }

  /**
   * Pauses a job. A running one is `pausing` until its worker has stopped at the end of the epoch.
   * `now`: it stops at once instead, and later goes on from its newest checkpoint.
   */
  async pause(id: string, { now = false, signal }: Abortable & { now?: boolean } = {}): Promise<Job> {
    return await this.#act(id, now ? 'pause?now=true' : 'pause', signal);
  }

  /** Lets a paused job go on, before all others of its owner. */
  async resume(id: string, { signal }: Abortable = {}): Promise<Job> {
    return await this.#act(id, 'resume', signal);
  }

  /** Deletes a job that has ended. Not repeated, since a second attempt could not tell what the first one did. */
  async delete(id: string, { signal }: Abortable = {}): Promise<void> {
    await this.#http.sendOnce({ method: 'DELETE', path: pathOf(id), signal }, async () => {});
  }

  /**
   * One row per epoch that has ended, or with `granularity: 'step'` one per logged step. `after`: only rows with a higher
   * seq, or a higher step. `max_points`: at most so many rows.
   */
  async metrics(id: string, options?: MetricsOptions & { granularity?: 'epoch' }): Promise<MetricsList>;
  async metrics(id: string, options: MetricsOptions & { granularity: 'step' }): Promise<StepList>;
  async metrics(
    id: string,
    { signal, ...query }: MetricsOptions & { granularity?: 'epoch' | 'step' } = {},
  ): Promise<MetricsList | StepList> {
    const path = `${pathOf(id)}/metrics${searchOf({ ...query })}`;
    return await this.#json<MetricsList | StepList>({ path, headers: JSON_ONLY, signal });
  }

  /** What the training doctor sees: the health of each layer, and its verdicts. */
  async doctor(id: string, { signal }: Abortable = {}): Promise<Doctor> {
    return await this.#json<Doctor>({ path: `${pathOf(id)}/doctor`, signal });
  }

  /** How well the finished model does on the test rows. */
  async evaluation(id: string, { signal }: Abortable = {}): Promise<Evaluation> {
    return await this.#json<Evaluation>({ path: `${pathOf(id)}/evaluation`, signal });
  }

  /** The test rows that the finished model saw as something, such as each 4 that it took for a 9. */
  async evaluationRows(
    id: string,
    { signal, ...options }: Abortable & EvaluationRowsOptions = {},
  ): Promise<EvaluationRows> {
    const path = `${pathOf(id)}/evaluation/rows${searchOf({ ...options })}`;
    return await this.#json<EvaluationRows>({ path, signal });
  }

  /**
   * What the finished model says to new rows: the values of each, or a file with its media type (image/png, text/csv,
   * application/json; without one, its bytes are the rows, or those of an IDX file). With `checkpoint: 'latest'` a job
   * that still trains answers with its newest checkpoint, with `checkpoint: 3` any job that keeps it with that of epoch 3;
   * `epoch` in the answer says how far that is.
   */
  async predict(
    id: string,
    rows: PredictRequest['inputs'] | Blob,
    { signal, ...options }: Abortable & PredictOptions = {},
  ): Promise<PredictionList> {
    const isFile = rows instanceof Blob;
    const type = isFile ? rows.type || 'application/octet-stream' : 'application/json';
    return await this.#json<PredictionList>({
      method: 'POST',
      path: `${pathOf(id)}/predict${searchOf({ ...options })}`,
      headers: { 'content-type': type },
      body: isFile ? rows : JSON.stringify({ inputs: rows } satisfies PredictRequest),
      signal,
    });
  }

  /** The checkpoints that the job keeps, in the order of their epochs. */
  async checkpoints(id: string, { signal }: Abortable = {}): Promise<Checkpoint[]> {
    const { data } = await this.#json<CheckpointList>({ path: `${pathOf(id)}/checkpoints`, signal });
    return data;
  }

  /** 2 to 50 jobs side by side: the parameters that differ, the curves, the results and their order. */
  async compare(ids: readonly string[], { signal }: Abortable = {}): Promise<Comparison> {
    const path = `/compare${searchOf({ jobs: listOf(ids) })}`;
    return await this.#json<Comparison>({ path, signal });
  }

  /** The job's events so far, page by page as you take them. `after`: only those with a higher seq. */
  async *pastEvents(id: string, { after, signal }: EventsOptions = {}): AsyncGenerator<JobEvent, void, void> {
    for (let [from, isMore] = [after, true]; isMore; ) {
      const path = `${pathOf(id)}/events${searchOf({ after: from, limit: 1000 })}`;
      const page: JobEventList = await this.#json<JobEventList>({ path, headers: JSON_ONLY, signal });
      yield* page.data;
      from = page.data.at(-1)?.seq;
      isMore = page.has_more && from !== undefined;
    }
  }

  /** What happens to all of your jobs, live, resumed like the events of one. Begins with a FeedStart. */
  feed(options: FeedOptions = {}): AsyncGenerator<FeedStart | FeedEvent | FeedReset, void, void> {
    return followFeed(this.#http, options);
  }

  async #act(id: string, action: string, signal: AbortSignal | undefined): Promise<Job> {
    return await this.#json<Job>({ method: 'POST', path: `${pathOf(id)}/${action}`, signal });
  }

  async #json<Value>(request: HttpRequest): Promise<Value> {
    return await this.#http.send(request, (response) => this.#http.asJson<Value>(response));
  }
}

const JSON_ONLY = { accept: 'application/json' };

/** A random key for `idempotencyKey`. crypto.randomUUID exists only on pages with TLS. */
export const makeKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
