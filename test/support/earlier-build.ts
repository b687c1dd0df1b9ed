import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The program as it was at an earlier commit, built with the packages of today. */
export class EarlierBuild {
  readonly #folder = mkdtempSync(join(tmpdir(), 'descent-earlier-'));
  /** The folder of the compiled program. */
  readonly program = join(this.#folder, 'dist');

  static missing(commit: string): string | undefined {
    return spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`]).status === 0
      ? undefined
      : `The commit ${commit} is not here: git fetch --unshallow.`;
  }

  /** Takes a minute. @throws with the output of the build when it fails. */
  constructor(commit: string) {
    const archive = execFileSync('git', ['archive', commit], { maxBuffer: 2 ** 30 });
    execFileSync('tar', ['--extract', '--directory', this.#folder], { input: archive });
    symlinkSync(resolve('node_modules'), join(this.#folder, 'node_modules'));
    const options = { cwd: this.#folder, encoding: 'utf8' } as const;
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], options);
    if (status !== 0) throw new Error(`${commit} does not build: ${stdout}${stderr}`);
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
