import { execFileSync } from 'node:child_process';
import { cpSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findCompiler, knowsPlatform } from '../../scripts/compile-native.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

const compiler = knowsPlatform ? await findCompiler(process.env.CC || 'cc') : undefined;

/** A copy of the compiled program whose native.node crashes every process that loads it. */
async function programWithCrashingKernel(): Promise<string> {
  const folder = await makeTemporaryFolder();
  for (const name of ['dist', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const source = join(folder, 'crash.c');
  writeFileSync(source, '__attribute__((constructor)) static void crash(void) { __builtin_abort(); }');
  const [cc, ...flags] = compiler!;
  const addon = join(folder, 'dist/src/engine/native/native.node');
  execFileSync(cc!, [...flags, '-shared', '-fPIC', source, '-o', addon]);
  return join(folder, 'dist');
}

describe.skipIf(compiler === undefined)('an installation whose native kernel crashes', () => {
  it('reports it, trains with the next engine, and refuses jobs for the native engine', async () => {
    const descent = await Installation.start({ program: await programWithCrashingKernel() });
    const reason = 'the self-check of native.node was ended by SIGABRT';
    const engines = (await (await descent.fetch('/engines')).json()) as { data: object[] };
    expect(engines.data).toContainEqual(
      expect.objectContaining({ name: 'native', available: false, reason }),
    );

    const auto = await descent.create(SMALL);
    await descent.toEnd(auto.id);
    expect(await descent.job(auto.id)).toMatchObject({ status: 'succeeded', engine: 'wasm' });

    const named = await descent.create({ ...SMALL, engine: 'native' });
    await descent.toEnd(named.id);
    expect(await descent.job(named.id)).toMatchObject({
      status: 'failed',
      engine: 'native',
      error: {
        code: 'engine_unavailable',
        message: `The engine native is not available: ${reason}`,
        retryable: true,
      },
    });
  });
});
