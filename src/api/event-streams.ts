import type { FastifyReply } from 'fastify';
import { isTerminal, type JobStatus } from '../contract/job.ts';
import type { StoredEvent } from '../store/job-events.ts';
import type { Scope } from '../store/jobs.ts';
import type { Authentication } from './access/authentication.ts';
import type { Caller } from './access/caller.ts';
import { type ApiDeps, type ApiTiming, ignoreUnavailable } from './deps.ts';
import type { LastingResponses } from './lasting-responses.ts';
import { LiveResponse } from './live-response.ts';

/**
 * Live event streams (text/event-stream), one for each viewer of a job.
 *
 * A viewer costs a socket, a timer and an entry in the map of signals: no Redis connection, no blocking read, and no
 * more of a buffer than one page: the next is read when the viewer has taken the last. All data comes from the job's
 * stream; a signal only wakes the viewer. Viewers of a job that have seen the same events share one read of the next.
 */

const PAGE = 100;

/** Batches of logged steps that wait for a viewer. */
const MOST_BATCHES = 10;

type Deps = Pick<ApiDeps, 'store' | 'events' | 'signals'> & {
  authentication: Pick<Authentication, 'isStillValid'>;
};

export interface Viewer {
  caller: Caller;
  scope: Scope;
  id: string;
  /** The last seq the viewer has. */
  cursor: number;
  /** The last seq the job had when the viewer came. */
  seq: number;
}

/** Some events, as they are sent; all viewers send the same bytes. */
interface Page {
  bytes: Buffer;
  lastSeq: number;
  /** Whether the last of them is the last of the job. */
  isEnd: boolean;
}

export class EventStreams {
  readonly #deps: Deps;
  readonly #timing: ApiTiming;
  readonly #lasting: LastingResponses;
  /** The reads under way, by job and cursor. */
  readonly #reads = new Map<string, Promise<Page | undefined>>();

  constructor(deps: Deps, lasting: LastingResponses, timing: ApiTiming) {
    this.#deps = deps;
    this.#lasting = lasting;
    this.#timing = timing;
  }

  /** Takes over the reply and returns at once; the stream runs in the background. Ask whether it is admitted before. */
  start(reply: FastifyReply, viewer: Viewer): void {
    const { owner } = viewer.caller;
    const how = { owner, lasting: this.#lasting, timing: this.#timing };
    LiveResponse.start(reply, how, async (live) => {
      const stopSignals = this.#deps.signals.subscribe(viewer.id, () => {
        // A read that began before may lack the new event.
        this.#reads.delete(readKey(viewer));
        live.bell.ring();
      });
      const batches: string[] = [];
      const stopSteps = this.#deps.signals.subscribeToSteps(viewer.id, (batch) => {
        // Of a viewer that is slow, the oldest are left out: the job's log has them.
        if (batches.push(batch) > MOST_BATCHES) batches.shift();
        live.bell.ring();
      });
      await this.#follow(live, viewer, batches).finally(() => {
        stopSignals();
        stopSteps();
      });
    });
  }

  /** batches: of logged steps, to be taken out. */
  async #follow(live: LiveResponse, viewer: Viewer, batches: string[]): Promise<void> {
    let { seq } = viewer;
    while (live.isOpen) {
      // A key that is revoked or expires ends its streams, too.
      if (!(await this.#deps.authentication.isStillValid(viewer.caller))) return;
      if (viewer.cursor > seq) {
        // Redis lost its last second, and with it events that the viewer has seen. id 0 keeps a viewer that
        // reconnects now from starting at its old cursor again.
        await live.write(`event: reset\nid: 0\ndata: ${JSON.stringify({ last_seq: seq })}\n\n`);
        viewer.cursor = 0;
      }
      for (const batch of batches.splice(0)) await live.write(`event: job.steps\ndata: ${batch}\n\n`);
      const page = await this.#read(viewer);
      if (page !== undefined) {
        await live.write(page.bytes);
        viewer.cursor = page.lastSeq;
        seq = Math.max(seq, page.lastSeq);
        if (page.isEnd) return;
        continue;
      }
      if (await live.rang()) continue;
      const head = await this.#head(viewer);
      if (head === 'gone') return;
      if (head !== undefined) seq = head.seq;
    }
  }

  /** undefined = there is nothing new. */
  async #read(viewer: Viewer): Promise<Page | undefined> {
    const key = readKey(viewer);
    const underWay = this.#reads.get(key);
    if (underWay !== undefined) return await underWay;
    const read = this.#readPage(viewer).finally(() => {
      if (this.#reads.get(key) === read) this.#reads.delete(key);
    });
    this.#reads.set(key, read);
    return await read;
  }

  /** undefined also when the store is unavailable; the stream stays open, as a refused viewer would not reconnect. */
  async #readPage({ id, cursor }: Viewer): Promise<Page | undefined> {
    try {
      const events = await this.#deps.events.read(id, { after: cursor, limit: PAGE });
      const last = events.at(-1);
      if (last === undefined) return undefined;
      return { bytes: Buffer.from(events.map(render).join('')), lastSeq: last.seq, isEnd: isLast(last) };
    } catch (error) {
      return ignoreUnavailable(error);
    }
  }

  async #head(viewer: Viewer): Promise<{ seq: number } | 'gone' | undefined> {
    try {
      return (await this.#deps.store.head(viewer.scope, viewer.id)) ?? 'gone';
    } catch (error) {
      return ignoreUnavailable(error);
    }
  }
}

const readKey = ({ id, cursor }: Viewer): string => `${id} ${cursor}`;

const render = ({ seq, type, text }: StoredEvent): string => `id: ${seq}\nevent: ${type}\ndata: ${text}\n\n`;

/** job.succeeded, job.failed and job.cancelled are the last event of a job. */
export function isLast({ type }: Pick<StoredEvent, 'type'>): boolean {
  return type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';
}

/** Whether no event will ever follow this cursor. The answer is then 204, which makes an EventSource stop. */
export const isOver = (head: { status: JobStatus; seq: number }, cursor: number): boolean =>
  isTerminal(head.status) && cursor === head.seq;
