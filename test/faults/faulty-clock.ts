import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The paths at which Debian's package libfaketime installs it. */
const PLACES = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);

const library = (): string | undefined => PLACES.find((place) => existsSync(place));

/** The wall clock of a process and its children, which can jump while they run. */
export class FaultyClock {
  /** The environment to start the process with. */
  readonly env: Record<string, string>;
  /** The longest time until a process sees a jump. */
  static readonly seenAfterMs = 200;
  static missing(): string | undefined {
    return library() === undefined ? 'There is no libfaketime here: apt-get install faketime.' : undefined;
  }

  readonly #folder = mkdtempSync(join(tmpdir(), 'descent-clock-'));
  readonly #file = join(this.#folder, 'offset');

  constructor() {
    this.env = {
      LD_PRELOAD: library()!,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Its cache would survive a jump back.
      FAKETIME_NO_CACHE: '1',
      // Setting the wall clock does not move the monotonic clock.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    this.jump(0);
  }

  /** Sets the clock to the true time plus this many seconds. */
  jump(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
  }

  /** The least and the most seconds by which a process with this clock may be ahead of our clock. */
  seenAhead(): [least: number, most: number] {
    const beforeMs = Date.now();
    const seenMs = Number(execFileSync(process.execPath, ['-p', 'Date.now()'], { env: this.env }));
    return [(seenMs - Date.now()) / 1000, (seenMs - beforeMs) / 1000];
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
