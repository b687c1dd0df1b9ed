import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileNative, findCompiler, knowsPlatform } from '../../../scripts/compile-native.ts';
import { findBuilt } from '../../../src/engine/built-files.ts';
import { checkAddon } from '../../../src/engine/native/native-check.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Builds real addons, and really breaks them. */

const compiler = knowsPlatform ? await findCompiler(process.env.CC || 'cc') : undefined;

async function build(...flags: string[]): Promise<string> {
  const file = join(await makeTemporaryFolder(), 'native.node');
  await compileNative(compiler!, file, flags);
  return file;
}

/** Compiles an expression into the middle of every training step. */
const inStep = (code: string) => build('-O1', `-D__builtin_inf()=(${code}, 1.0 / 0.0)`);

describe.skipIf(compiler === undefined)('with a C compiler', () => {
  it('accepts a kernel made by the build', async () => {
    expect(await checkAddon(findBuilt('native/native.node'))).toBeUndefined();
  });

  it('rejects a kernel that reorders sums or has no denormal numbers', async () => {
    expect(await checkAddon(await build('-O1', '-ffast-math'))).toMatch(
      /computes different bits from the reference engine|denormal numbers are switched off/,
    );
  });

  it.runIf(process.arch === 'x64')('rejects a kernel that fuses multiplications and additions', async () => {
    const fault = await checkAddon(await build('-mfma', '-ffp-contract=fast'));
    expect(fault).toBe('native.node computes different bits from the reference engine');
  });

  it('rejects a kernel that crashes its process', async () => {
    expect(await checkAddon(await inStep('__builtin_trap()'))).toMatch(/was ended by SIG(ILL|TRAP)$/);
    expect(await checkAddon(await inStep('__builtin_abort()'))).toMatch(/was ended by SIGABRT$/);
    expect(await checkAddon(await inStep('__builtin__exit(0)'))).toMatch(/was ended by an exit with code 0$/);
  });

  it('rejects a kernel that hangs', async () => {
    const hanging = await inStep('({ for (;;); })');
    expect(await checkAddon(hanging, 2_000)).toMatch(/was ended by SIGKILL$/);
  });

  it('reports the error of the compiler for a kernel that does not compile', async () => {
    await expect(build('-DWIDTH=3')).rejects.toThrow(/error/);
  });
});

describe('without a C compiler', () => {
  it('says how to make a missing addon', async () => {
    expect(await checkAddon(undefined)).toMatch(/is missing: npm run build makes it/);
  });

  it('rejects a file that is not an addon', async () => {
    const file = join(await makeTemporaryFolder(), 'native.node');
    await writeFile(file, 'not a shared object');
    expect(await checkAddon(file)).toMatch(/^native.node does not load here: /);
  });
});
