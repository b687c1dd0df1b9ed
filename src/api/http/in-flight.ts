import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

const KEY = 'uncounted';

/** For a route's config: never refused for the number of requests under way, and not counted among them. */
export const UNCOUNTED = { [KEY]: true } as FastifyContextConfig;

/** How many requests may be under way at a time. */
export interface InFlightLimits {
  /** GET and HEAD. */
  reads: number;
  /** All others: so many are accepted after a pause, however many come at once. */
  writes: number;
  /** All others, after those; also how many of a burst work at a time. All are then answered within about 100 ms. */
  sustainedWrites: number;
}

/** A burst is over after so long without any request under way. */
const PAUSE_MS = 100;

/** A turn comes after so long at the latest: while Redis is silent, the waits of those before must not add up. */
const TURN_MS = 250;

/**
 * Refuses requests while many are under way. Without it, all of them would be accepted, wait for each other, and be
 * answered late; so those that are accepted are answered soon, and the others are told at once to come back.
 *
 * A request is under way from the arrival of its body until its response is ready: a client that sends or reads slowly
 * costs no work, and must not keep others out.
 */
export class InFlight {
  readonly #reads: Places;
  readonly #writes: Places;

  constructor({ reads, writes, sustainedWrites }: InFlightLimits) {
    this.#reads = new Places(reads, reads);
    this.#writes = new Places(writes, sustainedWrites);
  }

  /**
   * Why a request with this method need not even be read; undefined if it must. Reads must, because probes and streams
   * are never refused, and only the router knows them.
   */
  refusalUnread(method: string | undefined): ProblemError | undefined {
    return !isRead(method) && this.#writes.isFull ? TOO_MANY : undefined;
  }

  /** Adds the hooks that refuse and count requests. */
  limit(app: FastifyInstance): void {
    const placesFor = ({ method, routeOptions }: FastifyRequest): Places | undefined => {
      if (KEY in (routeOptions.config ?? {})) return undefined;
      return isRead(method) ? this.#reads : this.#writes;
    };
    app.addHook('onRequest', async (request) => {
      if (placesFor(request)?.isFull) throw TOO_MANY;
    });
    app.addHook('preValidation', async (request: FastifyRequest, reply: FastifyReply) => {
      const places = placesFor(request);
      if (places === undefined) return;
      // Others may have come while the body arrived.
      if (places.isFull) throw TOO_MANY;
      const place = places.take();
      taken.set(request, place);
      // The client may go away before there is a response.
      reply.raw.once('close', () => leavePlace(request));
      await place.turn;
    });
    app.addHook('onSend', async (request) => leavePlace(request));
  }
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';

const taken = new WeakMap<FastifyRequest, Place>();

/** Gives back the place of a request that only waits from now on; it may have none. */
export function leavePlace(request: FastifyRequest): void {
  taken.get(request)?.leave();
  taken.delete(request);
}

/** One for all: with thousands a second, collecting their stacks would take a tenth of the work. */
const TOO_MANY = new ProblemError(
  'overloaded',
  'As many requests are under way as this server takes at a time. Retry in a second or two.',
  { headers: { 'retry-after': '2' } },
);

export interface Place {
  /** Resolves when the work may begin; undefined = at once. */
  turn: Promise<void> | undefined;
  /** To be called once. */
  leave: () => void;
}

/** Exported for tests. */
export class Places {
  readonly #most: number;
  readonly #sustained: number;
  #taken = 0;
  /** How many more may be taken beyond `sustained` before the next pause. */
  #burst: number;
  #pause: NodeJS.Timeout | undefined;
  #working = 0;
  /** Those whose turn has not come, the oldest first. */
  readonly #waiting = new Set<() => void>();

  constructor(most: number, sustained: number) {
    this.#most = most;
    this.#sustained = sustained;
    this.#burst = most;
  }

  /** Of a burst, `sustained` work at a time: if all did, each would be as late as the last. */
  take(): Place {
    clearTimeout(this.#pause);
    this.#taken += 1;
    this.#burst -= 1;
    if (this.#working < this.#sustained) {
      this.#working += 1;
      return { turn: undefined, leave: () => this.#workerLeaves() };
    }
    const { promise, resolve } = withResolvers();
    const begin = () => {
      this.#waiting.delete(begin);
      clearTimeout(late);
      this.#working += 1;
      resolve();
    };
    const late = setTimeout(begin, TURN_MS);
    this.#waiting.add(begin);
    const leave = () => {
      if (!this.#waiting.delete(begin)) return this.#workerLeaves();
      clearTimeout(late);
      resolve();
      this.#left();
    };
    return { turn: promise, leave };
  }

  #workerLeaves(): void {
    this.#working -= 1;
    const [next] = this.#waiting;
    if (this.#working < this.#sustained) next?.();
    this.#left();
  }

  #left(): void {
    this.#taken -= 1;
    if (this.#taken > 0) return;
    // A busy event loop looks like a pause until it has looked at its sockets, which comes before `setImmediate`.
    const afterLook = () => {
      if (this.#taken === 0) this.#burst = this.#most;
    };
    this.#pause = setTimeout(() => setImmediate(afterLook), PAUSE_MS).unref();
  }

  /** More than `sustained` are taken only at the beginning of a burst. */
  get isFull(): boolean {
    return this.#taken >= this.#sustained && (this.#burst <= 0 || this.#taken >= this.#most);
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
