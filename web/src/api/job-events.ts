import { signal } from '@preact/signals';
import { DescentError, type JobEvent } from '../../../src/client/descent.ts';
import { listen } from './feed.ts';
import { descent } from './server.ts';

const AGAIN_MS = 2_000;

/** What has happened to a job, in its order, live; without progress and epochs, which the charts show. */
export class JobEvents {
  readonly events = signal<readonly JobEvent[]>([]);
  readonly #id: string;
  readonly #closed = new AbortController();

  constructor(id: string) {
    this.#id = id;
    const stop = listen({
      onEvent: ({ job, event }) => {
        if (job === id) this.#add([event]);
      },
      onGap: () => void this.#read(),
    });
    this.#closed.signal.addEventListener('abort', stop);
    void this.#read();
  }

  close(): void {
    this.#closed.abort();
  }

  async #read(): Promise<void> {
    const { signal } = this.#closed;
    try {
      const read: JobEvent[] = [];
      for await (const event of descent.jobs.pastEvents(this.#id, { signal })) read.push(event);
      this.#add(read);
    } catch (error) {
      const isGone = error instanceof DescentError && error.code === 'job_not_found';
      if (!signal.aborted && !isGone) setTimeout(() => void this.#read(), AGAIN_MS);
    }
  }

  #add(added: readonly JobEvent[]): void {
    const seqs = new Set(added.map(({ seq }) => seq));
    const kept = this.events.peek().filter(({ seq }) => !seqs.has(seq));
    const steps = added.filter(({ type }) => type !== 'job.progress' && type !== 'job.epoch');
    if (steps.length > 0) this.events.value = [...kept, ...steps].sort((a, b) => a.seq - b.seq);
  }
}
