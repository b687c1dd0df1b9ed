import { unreachable } from './errors.ts';
import { type EventsOptions, followEvents } from './events.ts';
import type { Http } from './http.ts';
import { type Abortable, type CreateOptions, JobRequests, makeKey } from './job-requests.ts';
import { listOf, pathOf, pathOfDelivery, searchOf } from './paths.ts';
import type {
  CompareCsvOptions,
  Delivery,
  DeliveryList,
  Job,
  JobEvent,
  JobPatch,
  ModelOptions,
  Overrides,
  ResetEvent,
  Webhook,
} from './types.ts';

export interface WaitOptions extends Abortable {
  /** Called with each event, also those before the call of wait. */
  onEvent?: (event: JobEvent | ResetEvent) => void | Promise<void>;
}

export interface ForkOptions {
  /** The epoch after which the new job goes on. */
  fromEpoch?: number;
  /** Who is told of the new job; none by default. */
  webhooks?: Webhook[];
  overrides?: Overrides;
}

/** A model on its way. Read or cancel `body`, else the connection stays open. */
export interface ModelFile {
  /** A name for the file, such as mnist-rmsprop-8RQN2F.onnx. */
  name: string;
  body: ReadableStream<Uint8Array>;
}

/**
 * The jobs of a Descent. Requests that may be repeated are: all that read, `create`, which the server does once per
 * key (as are `fork`, `extend` and `verify`), `cancel`, `pause` and `resume`. They wait up to 5 s in total, or as the server asks. Every method throws a DescentError.
 */
export class Jobs extends JobRequests {
  readonly #http: Http;

  constructor(http: Http) {
    super(http);
    this.#http = http;
  }

  /** The finished model as a file. */
  async model(id: string, { signal, ...options }: Abortable & ModelOptions = {}): Promise<ModelFile> {
    const path = `${pathOf(id)}/model${searchOf({ ...options })}`;
    return await this.#http.send({ path, signal }, async (response) => ({
      name: fileName(response.headers) ?? `${id}.${options.format ?? 'safetensors'}`,
      body: bytesOf(response, this.#http.url, signal),
    }));
  }

  /** The curves of 2 to 50 jobs as CSV: a line for each job and epoch, or with `shape: 'wide'` a column for each job. */
  async compareCsv(
    ids: readonly string[],
    { signal, ...options }: Abortable & CompareCsvOptions = {},
  ): Promise<string> {
    const path = `/compare${searchOf({ jobs: listOf(ids), format: 'csv', ...options })}`;
    return await this.#http.send({ path, signal }, (response) => response.text());
  }

  /**
   * The job's events from its first, or after a seq, to its last, live. A broken connection is resumed after the last
   * event, for up to two minutes. After a ResetEvent, all follow again.
   */
  events(id: string, options: EventsOptions = {}): AsyncGenerator<JobEvent | ResetEvent, void, void> {
    return followEvents(this.#http, id, options);
  }

  /**
   * Changes name and metadata, or the priority of a queued job. What is absent stays, and null removes.
   * @param ifMatch an ETag: the job is changed only if it still has it. Such a request is not repeated.
   */
  async update(
    id: string,
    changes: JobPatch,
    { ifMatch, signal }: Abortable & { ifMatch?: string } = {},
  ): Promise<Job> {
    const request = {
      method: 'PATCH',
      path: pathOf(id),
      headers: {
        'content-type': 'application/merge-patch+json',
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      },
      body: JSON.stringify(changes),
      signal,
    } as const;
    const read = (response: Response) => this.#http.asJson<Job>(response);
    return ifMatch === undefined
      ? await this.#http.send(request, read)
      : await this.#http.sendOnce(request, read);
  }

  /**
   * Creates a job that goes on from a checkpoint of another: by default from its newest one, with the spec of its parent
   * but for the overrides.
   */
  async fork(
    id: string,
    { fromEpoch, overrides = {}, webhooks = [], ...options }: CreateOptions & ForkOptions = {},
  ): Promise<Job> {
    const body = { ...(fromEpoch !== undefined && { from_epoch: fromEpoch }), overrides, webhooks };
    return await this.#create(`${pathOf(id)}/fork`, body, options);
  }

  /** Creates a job that trains a finished one until it has had so many epochs in all. */
  async extend(
    id: string,
    epochs: number,
    { webhooks = [], ...options }: CreateOptions & Pick<ForkOptions, 'webhooks'> = {},
  ): Promise<Job> {
    return await this.#create(`${pathOf(id)}/extend`, { epochs, webhooks }, options);
  }

  /** The job's webhooks, and each message to them with its attempts. */
  async deliveries(id: string, { signal }: Abortable = {}): Promise<DeliveryList> {
    const request = { path: `${pathOf(id)}/deliveries`, signal };
    return await this.#http.send(request, (response) => this.#http.asJson<DeliveryList>(response));
  }

  /** Sends a message to a webhook again, as soon as possible. @param delivery its id, from `deliveries` */
  async redeliver(id: string, delivery: string, { signal }: Abortable = {}): Promise<Delivery> {
    const path = `${pathOfDelivery(id, delivery)}/redeliver`;
    const request = { method: 'POST', path, signal } as const;
    return await this.#http.send(request, (response) => this.#http.asJson<Delivery>(response));
  }

  async #create(
    path: string,
    body: unknown,
    { idempotencyKey = makeKey(), signal }: CreateOptions,
  ): Promise<Job> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
    const request = { method: 'POST', path, headers, body: JSON.stringify(body), signal } as const;
    return await this.#http.send(request, (response) => this.#http.asJson<Job>(response));
  }

  /** Waits for the job's end, however it ends, and returns it: look at its `status`. */
  async wait(id: string, { signal, onEvent }: WaitOptions = {}): Promise<Job> {
    for await (const event of this.events(id, { signal })) await onEvent?.(event);
    return await this.get(id, { signal });
  }
}

/** The last part of the name that the server gives: no path of its choice. */
const fileName = (headers: Headers): string | undefined =>
  /filename="?([^";]*[/\\])?([^";/\\]+)"?/.exec(headers.get('content-disposition') ?? '')?.[2];

/** The response's bytes as they arrive. A broken connection is a DescentError there, too. */
function bytesOf(
  { body }: Response,
  url: string,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  return new ReadableStream({
    pull: async (controller) => {
      try {
        const chunk = await reader?.read();
        if (chunk?.value === undefined) controller.close();
        else controller.enqueue(chunk.value);
      } catch (error) {
        controller.error(signal?.aborted ? signal.reason : unreachable(url, error));
      }
    },
    cancel: (reason) => reader?.cancel(reason),
  });
}
