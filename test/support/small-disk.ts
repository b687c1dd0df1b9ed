import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const mounted = new Set<SmallDisk>();
process.on('exit', () => {
  for (const disk of mounted) disk.unmount();
});

/** A real disk (tmpfs), small enough to fill, that can become read-only. */
export class SmallDisk {
  readonly #root = mkdtempSync(join(tmpdir(), 'descent-small-'));
  readonly #filler = join(this.#root, 'filler');
  /** A folder on the disk, for the test's files. */
  readonly folder = join(this.#root, 'files');

  static missing(): string | undefined {
    try {
      new SmallDisk(2 ** 20).unmount();
      return undefined;
    } catch (error) {
      return `${error instanceof Error ? error.message : error} Only root may mount a tmpfs.`;
    }
  }

  /** @throws when this user may not mount. */
  constructor(bytes: number) {
    const { status, stderr, error } = spawnSync(
      'mount',
      ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', this.#root],
      { encoding: 'utf8' },
    );
    if (status !== 0) {
      rmSync(this.#root, { recursive: true });
      throw new Error((error?.message ?? stderr).trim());
    }
    mounted.add(this);
    mkdirSync(this.folder);
  }

  /** Fills the disk up to this many free bytes, rounded down to pages. */
  fill(left: number): void {
    this.free();
    const { bavail, bsize } = statfsSync(this.#root);
    writeFileSync(this.#filler, Buffer.alloc(Math.max(0, bavail - Math.ceil(left / bsize)) * bsize));
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  /** @throws when a file on it is open for writing. */
  remount(how: 'ro' | 'rw'): void {
    const { status, stderr } = spawnSync('mount', ['-o', `remount,${how}`, this.#root], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr.trim());
  }

  unmount(): void {
    mounted.delete(this);
    // Lazily, since processes that use it may still be exiting.
    spawnSync('umount', ['-l', this.#root]);
    rmSync(this.#root, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.unmount();
  }
}
