import type { Log } from '../src/process/log.ts';
import type { StorageCheck } from '../src/store/storage-check.ts';

/** How often a worker tries whether its files can be written. */
const INTERVAL_MS = 60_000;
/** While they cannot, so that it goes on soon after the storage was mended. */
const RETRY_MS = 5_000;

/** Knows whether this worker's storage works, and reports each change. */
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

  /** What is wrong, as far as is known; undefined when the storage works. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes the first look, and goes on looking until it is stopped. */
  async start(onChange: (works: boolean) => void): Promise<void> {
    this.#onChange = onChange;
    await this.look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks now, and again after a while. */
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
