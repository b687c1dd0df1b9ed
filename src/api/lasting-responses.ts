import type { ServerResponse } from 'node:http';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './http/problems.ts';

/**
 * The responses that last: event streams, and requests that wait for the end of a job. They are counted and limited
 * together, since each costs a socket, a timer and an entry in the map of signals.
 */
export class LastingResponses {
  readonly #limits: Pick<ApiDeps, 'maxStreams' | 'quotas'>;
  /** Owner and end of the open ones. */
  readonly #open = new Map<ServerResponse, { owner: string; end: () => void }>();
  readonly #all = new WeakSet<ServerResponse>();
  #closing = false;

  constructor(limits: Pick<ApiDeps, 'maxStreams' | 'quotas'>) {
    this.#limits = limits;
  }

  /** Whether this response is or was one of them. */
  has(response: ServerResponse): boolean {
    return this.#all.has(response);
  }

  get size(): number {
    return this.#open.size;
  }

  /** From `endAll` on. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Refuses one too many. @throws {ProblemError} */
  admit(owner: string): void {
    const refusal = this.refusal(owner);
    if (refusal !== undefined) throw refusal;
  }

  /** Why the owner may not open another one now; undefined if he may. */
  refusal(owner: string): ProblemError | undefined {
    const { maxStreams, quotas } = this.#limits;
    if (this.#open.size >= maxStreams) {
      return new ProblemError(
        'overloaded',
        `This server has ${maxStreams} event streams and waiting requests open, and no more are allowed (MAX_STREAMS). Retry when others have ended, or ask for a list of events or without waiting.`,
        { headers: { 'retry-after': '10' } },
      );
    }
    const { streams } = quotas;
    if (streams === undefined || this.countOf(owner) < streams) return undefined;
    return new ProblemError(
      'quota_exceeded',
      `You have ${streams} event streams and waiting requests open, and may have no more (QUOTA_STREAMS). Close one, or ask for a list of events or without waiting.`,
      { headers: { 'retry-after': '10' } },
    );
  }

  /** Those that the owner has open here. */
  countOf(owner: string): number {
    let count = 0;
    for (const its of this.#open.values()) if (its.owner === owner) count++;
    return count;
  }

  /** Counts a response until it is closed. @param end called when the server stops. */
  add(response: ServerResponse, owner: string, end: () => void): void {
    this.#open.set(response, { owner, end });
    this.#all.add(response);
    response.once('close', () => this.#open.delete(response));
    // A client that goes away is not an error.
    response.on('error', () => response.destroy());
  }

  /** Ends all of them, so that their clients ask again, elsewhere. */
  endAll(): void {
    this.#closing = true;
    for (const { end } of this.#open.values()) end();
  }
}

export const isOpen = (response: ServerResponse): boolean => !response.destroyed && !response.writableEnded;
