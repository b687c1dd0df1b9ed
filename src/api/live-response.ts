import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { Bell } from './bell.ts';
import type { ApiTiming } from './deps.ts';
import { isOpen, type LastingResponses } from './lasting-responses.ts';

const RETRY = 'retry: 2000\n\n';
const HEARTBEAT = ': \n\n';

/** A response of text/event-stream: its head, its heartbeat, its end, and writes that wait for a slow viewer. */
export class LiveResponse {
  /** Rings when there may be something to send, and when the viewer has gone. */
  readonly bell = new Bell();
  readonly #response: ServerResponse;
  readonly #lasting: LastingResponses;
  readonly #timing: ApiTiming;

  private constructor(response: ServerResponse, lasting: LastingResponses, timing: ApiTiming) {
    this.#response = response;
    this.#lasting = lasting;
    this.#timing = timing;
  }

  /**
   * Takes over the reply and returns at once; `follow` runs in the background until it returns or the viewer has gone.
   * Ask whether the owner is admitted before.
   */
  static start(
    reply: FastifyReply,
    { owner, lasting, timing }: { owner: string; lasting: LastingResponses; timing: ApiTiming },
    follow: (live: LiveResponse) => Promise<void>,
  ): void {
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
    // A viewer that does not read the end cannot delay the shutdown: an ended response counts as idle, and closing the
    // server destroys idle sockets.
    lasting.add(response, owner, () => response.end(RETRY));
    new LiveResponse(response, lasting, timing).#run(follow).catch((error: unknown) => {
      reply.log.error({ err: error }, 'an event stream failed');
      response.destroy();
    });
  }

  async #run(follow: (live: LiveResponse) => Promise<void>): Promise<void> {
    const response = this.#response;
    const heartbeat = setInterval(() => {
      if (this.isOpen && !response.writableNeedDrain) response.write(HEARTBEAT);
    }, this.#timing.heartbeatMs);
    response.once('close', () => this.bell.ring());
    try {
      await this.write(RETRY);
      // The viewer connected during the shutdown: nothing else would end its stream.
      if (!this.#lasting.closing) await follow(this);
    } finally {
      clearInterval(heartbeat);
      if (this.isOpen) response.end();
    }
  }

  get isOpen(): boolean {
    return isOpen(this.#response);
  }

  /** Waits for the bell. @returns false if it did not ring for so long that it is time to look. */
  async rang(): Promise<boolean> {
    return await this.bell.wait(this.#timing.lookMs);
  }

  /**
   * Writes and waits until the socket has drained. A viewer that takes nothing for a while is cut off; it resumes after
   * the last event that it got, whose id it has. A slow one may take its time: Node's timeout starts again whenever the
   * socket has passed on some bytes.
   */
  async write(content: string | Buffer): Promise<void> {
    const response = this.#response;
    if (!this.isOpen || response.write(content)) return;
    await new Promise<void>((resolve) => {
      const cut = () => response.destroy();
      response.setTimeout(this.#timing.drainMs, cut);
      const done = () => {
        response.setTimeout(0).off('timeout', cut);
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.once('drain', done).once('close', done);
    });
  }
}
