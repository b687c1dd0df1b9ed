import type { Log } from '../src/process/log.ts';
import type { StorageCheck } from '../src/store/storage-check.ts';

/** How often a worker checks whether it can write its files. */
const INTERVAL_MS = 60_000;
/** How often while it cannot, so that it resumes soon after the storage is repaired. */
const RETRY_MS = 5_000;

/** Monitors whether this worker's storage works, and reports each change. */
export class StorageWatch {
  readonly #check: Pick<StorageCheck, 'problem'>;
  readonly #log: Log;
  #problem: string | undefined;
  #onChange: (works: boolean) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(check: Pick<StorageCheck, 'problem'>, log: Log) {
    this.#check = check;
    this.#log = log;
  }

  /** The problem that the last check found; undefined when the storage works. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Runs the first check, and further ones at intervals until `stop`. */
  async start(onChange: (works: boolean) => void): Promise<void> {
    this.#onChange = onChange;
    await this.look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Checks now, and again after the interval. */
  async look(): Promise<void> {
    const problem = await this.#check.problem();
    if (this.#stopped) return;
    const worked = this.#problem === undefined;
    const works = problem === undefined;
    this.#problem = problem;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.look(), works ? INTERVAL_MS : RETRY_MS);
    if (works === worked) return;
    if (works) this.#log.info({}, 'the storage works again; this worker takes jobs');
    else
      this.#log.error(
        { reason: problem },
        'the storage does not work; this worker takes no jobs until it does',
      );
    this.#onChange(works);
  }
}
