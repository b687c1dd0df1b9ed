import { signal } from '@preact/signals';
import type { ListOptions } from '../../../src/client/descent.ts';
import { listen } from './feed.ts';
import { remember } from './jobs.ts';
import { descent } from './server.ts';

const PAGE = 200;
/** What happens to many jobs at once is answered by one reading. */
const REFRESH_MS = 500;

/** The ids of the jobs that pass some filters, in some order, live. The jobs themselves are in jobs.ts. */
export class JobList {
  readonly ids = signal<readonly string[]>([]);
  readonly state = signal<'loading' | 'more' | 'complete'>('loading');
  readonly error = signal<unknown>(undefined);
  readonly #find: ListOptions;
  #jobs: ReturnType<typeof descent.jobs.list>;
  readonly #closed = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: 'page' | 'again' | undefined;
  #isMoreWanted = false;

  constructor(find: ListOptions) {
    this.#find = find;
    this.#jobs = this.#list(PAGE);
    const stop = listen({
      onEvent: ({ job, event }) => {
        // Progress and epochs move no job within a list, except within those that they sort.
        const isNew = event.type === 'job.queued' && !this.ids.peek().includes(job);
        if (isNew || !['job.progress', 'job.epoch', 'job.queued'].includes(event.type)) this.#refreshSoon();
      },
      onGap: () => this.#refreshSoon(),
    });
    this.#closed.signal.addEventListener('abort', stop);
    void this.more();
  }

  /** Reads the next page, if there is one. */
  async more(): Promise<void> {
    if (this.#reading === 'page' || this.state.peek() === 'complete') return;
    // Nobody asks again: a list that is as long as before brings no other end into sight.
    if (this.#reading === 'again' || this.error.peek() !== undefined) this.#isMoreWanted = true;
    else await this.#read('page', PAGE, this.ids.peek());
  }

  /** Reads again what has been read. */
  async refresh(): Promise<void> {
    if (this.#reading !== undefined) return this.#refreshSoon();
    const known = Math.max(PAGE, this.ids.peek().length);
    this.#jobs = this.#list(Math.min(1_000, known));
    // A complete list stays so when it has grown.
    await this.#read('again', this.state.peek() === 'complete' ? Number.POSITIVE_INFINITY : known, []);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed.abort();
  }

  #list(pageSize: number): ReturnType<typeof descent.jobs.list> {
    return descent.jobs.list({ ...this.#find, pageSize, signal: this.#closed.signal });
  }

  async #read(what: 'page' | 'again', wanted: number, before: readonly string[]): Promise<void> {
    this.#reading = what;
    const ids = [...before];
    let isComplete = false;
    try {
      while (ids.length < before.length + wanted && !isComplete) {
        const next = await this.#jobs.next();
        if (next.done) isComplete = true;
        else {
          remember(next.value);
          ids.push(next.value.id);
        }
      }
      this.ids.value = ids;
      this.state.value = isComplete ? 'complete' : 'more';
      this.error.value = undefined;
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.error.value = error;
      if (what === 'page') this.#isMoreWanted = true;
      // A generator that has thrown is over.
      this.#refreshSoon(2_000);
      return;
    } finally {
      this.#reading = undefined;
    }
    if (!this.#isMoreWanted) return;
    this.#isMoreWanted = false;
    await this.more();
  }

  #refreshSoon(afterMs = REFRESH_MS): void {
    if (this.#timer !== undefined || this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, afterMs);
  }
}
