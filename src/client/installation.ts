import type { Http } from './http.ts';
import { searchOf } from './paths.ts';
import type { Caller, Dataset, Engine, Me, Readiness, Worker } from './types.ts';

interface Abortable {
  signal?: AbortSignal | undefined;
}

/** What a Descent consists of, and who you are to it. Every method throws a DescentError. */
export class Installation {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async datasets({ signal }: Abortable = {}): Promise<Dataset[]> {
    return await this.#list<Dataset>('/datasets', signal);
  }

  /** Each engine with its workers, and why it is missing where it is. */
  async engines({ signal }: Abortable = {}): Promise<Engine[]> {
    return await this.#list<Engine>('/engines', signal);
  }

  async workers({ signal }: Abortable = {}): Promise<Worker[]> {
    return await this.#list<Worker>('/workers', signal);
  }

  /**
   * @param options.exclude whether a missing worker leaves it ready
   * @throws {DescentError} also if it is not ready, which says what is missing.
   */
  async readiness({ exclude, signal }: Abortable & { exclude?: 'workers' } = {}): Promise<Readiness> {
    return await this.#http.sendOnce({ path: `/readyz${searchOf({ exclude })}`, signal }, (response) =>
      this.#http.asJson<Readiness>(response),
    );
  }

  /** Who you are, what you use, and what you may use. */
  async me({ signal }: Abortable = {}): Promise<Me> {
    return await this.#http.send({ path: '/me', signal }, (response) => this.#http.asJson<Me>(response));
  }

  /** The OpenAPI document of this server: the defaults, ranges and descriptions of everything that it takes. */
  async openapi({ signal }: Abortable = {}): Promise<unknown> {
    return await this.#http.send({ path: '/openapi.json', signal }, (response) =>
      this.#http.asJson<unknown>(response),
    );
  }

  /** Starts the session of a page, which the browser keeps as a cookie that no script can read. */
  async login(key: string, { signal }: Abortable = {}): Promise<Caller> {
    return await this.#http.sendOnce(
      {
        method: 'POST',
        path: '/session',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key }),
        signal,
      },
      (response) => this.#http.asJson<Caller>(response),
    );
  }

  async logout({ signal }: Abortable = {}): Promise<void> {
    await this.#http.sendOnce({ method: 'DELETE', path: '/session', signal }, async () => {});
  }

  async #list<Item>(path: string, signal: AbortSignal | undefined): Promise<Item[]> {
    const { data } = await this.#http.send({ path, signal }, (response) =>
      this.#http.asJson<{ data: Item[] }>(response),
    );
    return data;
  }
}
