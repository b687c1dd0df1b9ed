import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { monotonicMs } from '../../process/clock.ts';
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
  /** All others, after those: so many are answered within about 100 ms. */
  sustainedWrites: number;
}

/** A burst is over after so long without any request under way. */
const PAUSE_MS = 100;

/**
 * Refuses requests while many are under way. Without it, all of them would be accepted, wait for each other, and be
 * answered late; so those that are accepted are answered soon, and the others are told at once to come back.
 *
 * A request is under way from the arrival of its body until its response is ready: a client that sends or reads slowly
 * costs no work, and must not keep others out. While no place is free, requests are refused before their body is read,
 * which takes a fraction of the work.
 */
export function limitInFlight(app: FastifyInstance, limits: InFlightLimits): void {
  const reads = new Places(limits.reads, limits.reads);
  const writes = new Places(limits.writes, limits.sustainedWrites);
  const placesFor = ({ method, routeOptions }: FastifyRequest): Places | undefined => {
    if (KEY in (routeOptions.config ?? {})) return undefined;
    return method === 'GET' || method === 'HEAD' ? reads : writes;
  };
  app.addHook('onRequest', async (request) => placesFor(request)?.assertFree());
  app.addHook('preValidation', async (request: FastifyRequest, reply: FastifyReply) => {
    const places = placesFor(request);
    if (places === undefined) return;
    // Others may have come while the body arrived.
    places.assertFree();
    places.take();
    taken.set(request, places);
    // The client may go away before there is a response.
    reply.raw.once('close', () => leavePlace(request));
  });
  app.addHook('onSend', async (request) => leavePlace(request));
}

const taken = new WeakMap<FastifyRequest, Places>();

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

/** Exported for tests. */
export class Places {
  readonly #most: number;
  readonly #sustained: number;
  #taken = 0;
  /** How many more may be taken beyond `sustained` before the next pause. */
  #burst: number;
  /** When the last place became free. */
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(most: number, sustained: number) {
    this.#most = most;
    this.#sustained = sustained;
    this.#burst = most;
  }

  take(): void {
    if (this.#taken === 0 && monotonicMs() - this.#freeMs >= PAUSE_MS) this.#burst = this.#most;
    this.#taken += 1;
    this.#burst -= 1;
  }

  leave(): void {
    this.#taken -= 1;
    if (this.#taken === 0) this.#freeMs = monotonicMs();
  }

  /**
   * More than `sustained` only at the beginning of a burst.
   * @throws {ProblemError} overloaded
   */
  assertFree(): void {
    if (this.#taken < this.#sustained) return;
    if (this.#burst > 0 && this.#taken < this.#most) return;
    throw TOO_MANY;
  }
}
