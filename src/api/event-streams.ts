import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { isTerminal, type JobStatus } from '../contract/job.ts';
import type { StoredEvent } from '../store/job-events.ts';
import { type ApiDeps, type ApiTiming, isStoreUnavailable } from './deps.ts';

/**
 * Live event streams (text/event-stream), one for each viewer of a job.
 *
 * A viewer costs a socket, a timer and a place in the signals' map: no Redis connection, no blocking read, no
 * buffer of its own. Everything it is sent is read from the job's stream; a signal only wakes it.
 */

const RETRY = 'retry: 2000\n\n';
const HEARTBEAT = ': \n\n';
const PAGE = 100;

type Deps = Pick<ApiDeps, 'store' | 'events' | 'signals'>;

export interface Viewer {
  owner: string;
  id: string;
  /** The last seq it has. */
  cursor: number;
  /** The last seq the job had when the viewer came. */
  seq: number;
}

export class EventStreams {
  readonly #deps: Deps;
  readonly #timing: ApiTiming;
  readonly #open = new Set<ServerResponse>();
  #closing = false;

  constructor(deps: Deps, timing: ApiTiming) {
    this.#deps = deps;
    this.#timing = timing;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes the reply over and returns; the stream goes on by itself. */
  start(reply: FastifyReply, viewer: Viewer): void {
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // nginx would otherwise hold events back.
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    // A viewer who goes away is no error of ours.
    response.on('error', () => response.destroy());
    this.#run(response, viewer).catch((error: unknown) => {
      reply.log.error({ err: error }, 'an event stream failed');
      response.destroy();
    });
  }

  /**
   * Ends every stream in a way that makes its viewer come back. One that does not take its last words holds
   * nothing up: an ended response counts as idle, and the server's close destroys idle sockets.
   */
  endAll(): void {
    this.#closing = true;
    for (const response of this.#open) response.end(RETRY);
  }

  async #run(response: ServerResponse, viewer: Viewer): Promise<void> {
    const bell = new Bell();
    const stopSignals = this.#deps.signals.subscribe(viewer.id, () => bell.ring());
    const heartbeat = setInterval(() => {
      if (isOpen(response) && !response.writableNeedDrain) response.write(HEARTBEAT);
    }, this.#timing.heartbeatMs);
    response.once('close', () => bell.ring());
    try {
      await this.#write(response, RETRY);
      // It came while the server was told to close: nobody would end it later.
      if (this.#closing) return;
      await this.#follow(response, viewer, bell);
    } finally {
      clearInterval(heartbeat);
      stopSignals();
      if (isOpen(response)) response.end();
    }
  }

  async #follow(response: ServerResponse, viewer: Viewer, bell: Bell): Promise<void> {
    let { cursor, seq } = viewer;
    while (isOpen(response)) {
      if (cursor > seq) {
        // Redis lost its last second: what the viewer has seen never happened. id 0, so that a viewer who
        // comes back right now does not start from its old cursor again.
        await this.#write(response, `event: reset\nid: 0\ndata: ${JSON.stringify({ last_seq: seq })}\n\n`);
        cursor = 0;
      }
      const page = await this.#read(viewer.id, cursor);
      if (page !== undefined && page.length > 0) {
        await this.#write(response, page.map(render).join(''));
        const last = page.at(-1)!;
        cursor = last.seq;
        seq = Math.max(seq, cursor);
        if (isLast(last)) return;
        continue;
      }
      if (await bell.wait(this.#timing.lookMs)) continue;
      const head = await this.#head(viewer);
      if (head === 'gone') return;
      if (head !== undefined) seq = head.seq;
    }
  }

  /** undefined = the store does not answer; the stream stays open, as a refused viewer would not come back. */
  async #read(id: string, after: number): Promise<StoredEvent[] | undefined> {
    try {
      return await this.#deps.events.read(id, { after, limit: PAGE });
    } catch (error) {
      return ignoreUnavailable(error);
    }
  }

  async #head(viewer: Viewer): Promise<{ seq: number } | 'gone' | undefined> {
    try {
      return (await this.#deps.store.head(viewer.owner, viewer.id)) ?? 'gone';
    } catch (error) {
      return ignoreUnavailable(error);
    }
  }

  /** Writes and waits until the socket has taken it; one that does not in time is cut off. */
  async #write(response: ServerResponse, text: string): Promise<void> {
    if (!isOpen(response) || response.write(text)) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => response.destroy(), this.#timing.drainMs);
      const done = () => {
        clearTimeout(cut);
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.once('drain', done).once('close', done);
    });
  }
}

function ignoreUnavailable(error: unknown): undefined {
  if (isStoreUnavailable(error)) return undefined;
  throw error;
}

const isOpen = (response: ServerResponse): boolean => !response.destroyed && !response.writableEnded;

const render = ({ seq, type, text }: StoredEvent): string => `id: ${seq}\nevent: ${type}\ndata: ${text}\n\n`;

/** job.succeeded, job.failed and job.cancelled end the story. */
function isLast({ type }: StoredEvent): boolean {
  return type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';
}

/** Rung by anybody, waited for by one; a ring while nobody waits is kept. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** @returns whether it rang, rather than the time passed. */
  async wait(ms: number): Promise<boolean> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    const rang = this.#rung;
    this.#rung = false;
    return rang;
  }
}

/** 204: nothing will ever come after this cursor, which is what makes an EventSource stop. */
export const isOver = (head: { status: JobStatus; seq: number }, cursor: number): boolean =>
  isTerminal(head.status) && cursor === head.seq;
