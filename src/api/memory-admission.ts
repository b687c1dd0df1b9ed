import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { monotonicMs } from '../process/clock.ts';
import { jobMemoryBytes } from '../training/job-memory.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './http/problems.ts';

/** Workers come and go slowly, and asking for them at each POST would cost two round trips. */
const KNOWN_FOR_MS = 2_000;

const MIB = 1024 * 1024;

/** Decides whether any live worker has the memory that a job takes. */
export class MemoryAdmission {
  readonly #workers: ApiDeps['workers'];
  #most: Promise<number | undefined> = Promise.resolve(undefined);
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(workers: ApiDeps['workers']) {
    this.#workers = workers;
  }

  /**
   * The problem with a job that is too large for every live worker; undefined if one can take it, or none is live.
   * @throws {StoreUnavailableError}
   */
  async refusal(spec: JobSpec, data: DataShape): Promise<ProblemError | undefined> {
    const mostMb = await this.#mostMb();
    const neededMb = Math.ceil(jobMemoryBytes({ spec, data }) / MIB);
    if (mostMb === undefined || neededMb <= mostMb) return undefined;
    return new ProblemError(
      'job_too_large',
      `This job needs about ${neededMb} MB of memory, and a job may take at most ${mostMb} MB on any live worker (WORKER_MEMORY_MB). Make the model or batch_size smaller, or ask the operator for a larger worker.`,
    );
  }

  /** What a job may take on the largest live worker; undefined if that is unknown or there is none. */
  async #mostMb(): Promise<number | undefined> {
    if (monotonicMs() - this.#askedMs > KNOWN_FOR_MS) {
      this.#askedMs = monotonicMs();
      this.#most = this.#ask();
      this.#most.catch(() => {
        this.#askedMs = Number.NEGATIVE_INFINITY;
      });
    }
    return await this.#most;
  }

  async #ask(): Promise<number | undefined> {
    const reports = await this.#workers.list();
    const known = reports.map(({ memory_mb }) => memory_mb ?? Number.POSITIVE_INFINITY);
    return known.length === 0 ? undefined : Math.max(...known);
  }
}
