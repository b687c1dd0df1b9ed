import { decodeTime, encodeTime, monotonicFactory } from 'ulid';
import { wallClockMs } from '../process/clock.ts';

/** Ids of jobs: job_ and a ULID, which begins with the time. Jobs are listed in the order of their ids. */

/** A new job's id tells the time of its creation to within this: `create` refuses another. Lists by date rely on it. */
export const ID_SKEW_MS = 10_000;

const PREFIX = 'job_';
const TIME_LENGTH = 10;

/** Milliseconds since the Unix epoch. */
export const timeOfId = (id: string): number => decodeTime(id.slice(PREFIX.length));

/** All ids of this time and later sort after it, and all earlier ones before. */
export const startOfIds = (timeMs: number): string =>
  `${PREFIX}${encodeTime(Math.max(0, Math.floor(timeMs)), TIME_LENGTH)}`;

/** Makes ids that sort in the order in which they were made, even within a millisecond. */
export class JobIds {
  /** Redis's clock minus this process's. */
  #offsetMs = 0;
  #nextUlid = monotonicFactory();

  next(): string {
    return `${PREFIX}${this.#nextUlid(wallClockMs() + this.#offsetMs)}`;
  }

  /** Redis's clock, which counts, shows this time: this machine's is wrong, or has jumped. */
  setClock(nowMs: number): void {
    this.#offsetMs = nowMs - wallClockMs();
    this.#nextUlid = monotonicFactory();
  }
}
