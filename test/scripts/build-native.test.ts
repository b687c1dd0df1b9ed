import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCompiler, knowsPlatform } from '../../scripts/compile-native.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const cc = process.env.CC || 'cc';
const compiler = knowsPlatform ? await findCompiler(cc) : undefined;

/** A folder with our sources in it, and a native.node that an earlier build left there. */
async function makeProject() {
  const folder = await makeTemporaryFolder();
  for (const name of ['src', 'scripts']) symlinkSync(resolve(name), join(folder, name));
  const addon = join(folder, 'dist/src/engine/native/native.node');
  mkdirSync(join(folder, 'dist/src/engine/native'), { recursive: true });
  writeFileSync(addon, 'from other sources');
  utimesSync(addon, 1, 1);
  return { folder, addon };
}

/** The build's step for the kernel, with that compiler. */
function build(folder: string, CC: string, NATIVE_BUILD = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve('dist/scripts/build-native.js')], {
    cwd: folder,
    env: { ...process.env, CC, NATIVE_BUILD },
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

describe('the build of the native kernel', () => {
  it('says nothing where there is no compiler, and leaves no kernel of other sources', async () => {
    const { folder, addon } = await makeProject();
    expect(build(folder, '/no/such/compiler')).toEqual({ status: 0, output: '' });
    expect(existsSync(addon)).toBe(false);
  });

  it.runIf(knowsPlatform)('says in a line what a compiler that fails complains of, and goes on', async () => {
    const { folder, addon } = await makeProject();
    const failing = join(folder, 'failing-cc');
    writeFileSync(
      failing,
      `#!/bin/sh\n[ "$1" = --version ] && exit 0\necho 'train.c:1: error: no vectors here' >&2\nexit 1\n`,
    );
    chmodSync(failing, 0o755);
    expect(build(folder, failing)).toEqual({
      status: 0,
      output:
        'The native engine could not be compiled; wasm takes its place: train.c:1: error: no vectors here\n',
    });
    expect(existsSync(addon)).toBe(false);
    for (const level of ['required', 'strict']) {
      expect(build(folder, failing, level)).toEqual({
        status: 1,
        output: expect.stringContaining('train.c:1: error: no vectors here'),
      });
    }
  });

  it.runIf(knowsPlatform)('fails without a compiler where the kernel is required', async () => {
    const { folder, addon } = await makeProject();
    for (const level of ['required', 'strict']) {
      expect(build(folder, '/no/such/compiler', level)).toEqual({
        status: 1,
        output: `NATIVE_BUILD=${level} needs a C compiler, but "/no/such/compiler --version" failed: install one or set CC\n`,
      });
      expect(existsSync(addon)).toBe(false);
    }
  });

  it('knows no other NATIVE_BUILD', async () => {
    const { folder } = await makeProject();
    expect(build(folder, cc, 'yes')).toEqual({
      status: 1,
      output: 'NATIVE_BUILD=yes is not allowed: use required or strict, or leave it out\n',
    });
  });

  it.runIf(knowsPlatform)('takes warnings for errors where it is strict, and only there', async () => {
    const { folder } = await makeProject();
    const telling = join(folder, 'telling-cc');
    writeFileSync(telling, `#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "$@" >&2\nexit 1\n`);
    chmodSync(telling, 0o755);
    expect(build(folder, telling, 'strict').output).toContain('-Wall -Wextra -Werror');
    expect(build(folder, telling, 'required').output).not.toContain(' -W');
  });

  it.skipIf(compiler === undefined)('compiles anew only what is older than its sources', async () => {
    const { folder, addon } = await makeProject();
    expect(build(folder, cc)).toEqual({ status: 0, output: '' });
    const made = statSync(addon);
    expect(made.size).toBeGreaterThan(10_000);
    expect(build(folder, cc)).toEqual({ status: 0, output: '' });
    expect(statSync(addon)).toMatchObject({ ino: made.ino, mtimeMs: made.mtimeMs });
  });
});
