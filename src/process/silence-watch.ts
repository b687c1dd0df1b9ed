/** How often a process gives a sign of life to the one that watches over it. */
export const BEAT_MS = 1_000;

/** A process that gives no sign of life for this long is taken for stuck. */
export const SILENCE_MS = 30_000;

/** Loading the modules may take long on a slow disk, and nothing beats before. */
const START_FACTOR = 4;

/**
 * Notices that a child process has gone silent. It counts its own ticks and reads no clock: while this process was
 * suspended with the whole machine, or got no processor time itself, no tick passed, so that a child is never blamed
 * for what its watcher went through too.
 */
export class SilenceWatch {
  readonly #ticksAllowed: number;
  readonly #onSilent: () => void;
  readonly #timer: NodeJS.Timeout;
  #ticks: number;

  /**
   * Starts at once; until the first sign of life the limit is four times as long.
   * @param silenceMs at least 1000
   * @param onSilent called once, after which the watch has ended
   */
  constructor(silenceMs: number, onSilent: () => void) {
    this.#ticksAllowed = silenceMs / BEAT_MS;
    this.#onSilent = onSilent;
    this.#ticks = -(START_FACTOR - 1) * this.#ticksAllowed;
    this.#timer = setInterval(() => this.#tick(), BEAT_MS).unref();
  }

  /** The child has given a sign of life. */
  heard(): void {
    this.#ticks = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ticks <= this.#ticksAllowed) return;
    this.stop();
    this.#onSilent();
  }
}

/** The limit for the arguments of an entry: tests shorten it with --silence-ms=<number>, which is no setting. */
export function silenceMsOf(args: readonly string[]): number {
  const given = args.map((argument) => /^--silence-ms=(\d{4,7})$/.exec(argument)?.[1]).find(Boolean);
  return given === undefined ? SILENCE_MS : Number(given);
}
