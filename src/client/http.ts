import { DescentError, errorOf, unexpected, unreachable } from './errors.ts';
import { Patience } from './patience.ts';

/** Requests to one Descent. */

/** Descent answers within 3 s; the rest is for the network. */
const ANSWER_MS = 30_000;

/** Enough for an API that restarts; short enough for a person who mistyped the URL. */
const PATIENCE_MS = 5_000;

export interface DescentOptions {
  /** Where the API is, such as http://127.0.0.1:3000, with the path below which a proxy serves it. */
  url: string;
  /** Sent as a bearer token, where Descent asks for keys. */
  apiKey?: string | undefined;
  /** Takes the place of the global fetch. */
  fetch?: typeof globalThis.fetch | undefined;
}

export interface HttpRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the URL of the API, with its query. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Blob | ReadableStream<Uint8Array>;
  /** How long the answer may take; 30 s by default. */
  answerMs?: number;
  signal?: AbortSignal | undefined;
}

export class Http {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #fetch: typeof globalThis.fetch;

  /** @throws {TypeError} if the URL is none of http or https, or the key none */
  constructor({ url, apiKey, fetch }: DescentOptions) {
    this.#url = url.replace(/\/+$/, '');
    if (!URL.canParse(url) || !/^https?:/i.test(url)) {
      throw new TypeError(`The URL ${url} is not allowed: use one such as http://127.0.0.1:3000.`);
    }
    // Else fetch would refuse it with a message that repeats it.
    if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
      throw new TypeError('The API key is not allowed: it has characters that no key has. Copy it again.');
    }
    this.#headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    // A browser's fetch refuses to be called as a method of another object.
    this.#fetch = (...args) => (fetch ?? globalThis.fetch)(...args);
  }

  get url(): string {
    return this.#url;
  }

  /** Sends a request that may be repeated, until it is answered or patience ends. @throws {DescentError} */
  async send<Answer>(request: HttpRequest, read: (response: Response) => Promise<Answer>): Promise<Answer> {
    const patience = new Patience(PATIENCE_MS);
    for (;;) {
      try {
        return await this.sendOnce(request, read);
      } catch (error) {
        request.signal?.throwIfAborted();
        await patience.wait(error, request.signal);
      }
    }
  }

  /**
   * Sends a request once. `read` gets any response of status 2xx; until it is done, the time for an answer runs.
   * @throws {DescentError}
   */
  async sendOnce<Answer>(
    request: HttpRequest,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const { method = 'GET', path, headers, body, signal, answerMs = ANSWER_MS } = request;
    signal?.throwIfAborted();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`none within ${answerMs / 1000} seconds`)), answerMs);
    try {
      const response = await this.#fetch(this.#url + path, {
        method,
        headers: { ...headers, ...this.#headers },
        ...(body !== undefined && { body }),
        // A stream is sent while it is read.
        ...(body instanceof ReadableStream && { duplex: 'half' }),
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
      });
      if (!response.ok) throw await errorOf(this.#url, response);
      return await read(response);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof DescentError ? error : unreachable(this.#url, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** For `send`: the response's JSON. */
  readonly asJson = async <Value>(response: Response): Promise<Value> => {
    const text = await response.text();
    try {
      return JSON.parse(text) as Value;
    } catch {
      throw unexpected(this.#url, 'with something else than JSON', response.status);
    }
  };
}
