import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileNative, findCompiler, knowsPlatform } from '../../../scripts/compile-native.ts';
import { checkAddon } from '../../../src/engine/native/native-check.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Addons that are really built, and really broken. */

const compiler = knowsPlatform ? await findCompiler(process.env.CC || 'cc') : undefined;

async function build(...flags: string[]): Promise<string> {
  const file = join(await makeTemporaryFolder(), 'native.node');
  await compileNative(compiler!, file, flags);
  return file;
}

/** Compiles an expression into the middle of every training step. */
const inStep = (code: string) => build('-O1', `-D__builtin_inf()=(${code}, 1.0 / 0.0)`);

describe.skipIf(compiler === undefined)('with a C compiler', () => {
  it('a kernel as the build makes it is trusted', async () => {
    expect(await checkAddon(await build())).toBeUndefined();
  });

  it('one whose sums are in another order, or that has no denormal numbers, is not', async () => {
    expect(await checkAddon(await build('-Ofast'))).toMatch(
      /computes different bits from the reference engine|denormal numbers are switched off/,
    );
  });

  it.runIf(process.arch === 'x64')('nor one that multiplies and adds in one rounding', async () => {
    const fault = await checkAddon(await build('-mfma', '-ffp-contract=fast'));
    expect(fault).toBe('native.node computes different bits from the reference engine');
  });

  it('nor one that ends its process', async () => {
    expect(await checkAddon(await inStep('__builtin_trap()'))).toMatch(/was ended by SIG(ILL|TRAP)$/);
    expect(await checkAddon(await inStep('__builtin_abort()'))).toMatch(/was ended by SIGABRT$/);
    expect(await checkAddon(await inStep('__builtin__exit(0)'))).toMatch(/was ended by an exit with code 0$/);
  });

  it('nor one that never answers', async () => {
    const hanging = await inStep('({ for (;;); })');
    expect(await checkAddon(hanging, 2_000)).toMatch(/was ended by SIGKILL$/);
  });

  it('a kernel that does not compile leaves no file, and what the compiler said', async () => {
    await expect(build('-DWIDTH=3')).rejects.toThrow(/error/);
  });
});

describe('without one', () => {
  it('is said what makes the addon', async () => {
    expect(await checkAddon(undefined)).toMatch(/is missing: npm run build makes it/);
  });

  it('a file that is no addon is told from one that is', async () => {
    const file = join(await makeTemporaryFolder(), 'native.node');
    await writeFile(file, 'not a shared object');
    expect(await checkAddon(file)).toMatch(/^native.node does not load here: /);
  });
});
