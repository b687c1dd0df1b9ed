import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compileNative, findCompiler, knowsPlatform, SOURCES } from './compile-native.ts';

/**
 * Builds the native kernel as part of `npm run build`, if the machine has a C compiler (CC, or cc). Descent works
 * without the kernel, so a missing compiler is ignored and a failed compilation prints one line. NATIVE_BUILD can ask
 * for more:
 *
 * - required: on every platform that the kernel supports, the build fails without it. The image is built this way.
 * - strict: the same, and compiler warnings are errors. `npm run check` builds this way.
 */

const OUT = 'dist/src/engine/native/native.node';

const LEVELS = ['', 'required', 'strict'];
const level = process.env.NATIVE_BUILD ?? '';

async function main(): Promise<void> {
  if (!LEVELS.includes(level))
    throw new Error(`NATIVE_BUILD=${level} is not allowed: use required or strict, or leave it out`);
  const cc = process.env.CC || 'cc';
  const compiler = knowsPlatform ? await findCompiler(cc) : undefined;
  // A strict build always compiles: an earlier build may have ignored warnings.
  if (compiler !== undefined && level !== 'strict' && (await isUpToDate())) return;
  // Remove a stale kernel, so that no process loads it if this build fails.
  await rm(OUT, { force: true });
  if (compiler === undefined) {
    if (level !== '' && knowsPlatform)
      throw new Error(
        `NATIVE_BUILD=${level} needs a C compiler, but "${cc} --version" failed: install one or set CC`,
      );
    return;
  }
  try {
    await compileNative(compiler, OUT, level === 'strict' ? ['-Wall', '-Wextra', '-Werror'] : []);
  } catch (error) {
    if (level !== '') throw error;
    console.warn(`The native engine could not be compiled; wasm takes its place: ${reasonOf(error)}`);
  }
}

/** Whether the kernel is newer than everything it is made from. */
async function isUpToDate(): Promise<boolean> {
  const sources = (await readdir(SOURCES)).map((name) => join(SOURCES, name));
  const inputs = [...sources, 'src/engine/kernel/header.ts', 'scripts/compile-native.ts'];
  const times = await Promise.all(inputs.map(async (file) => (await stat(file)).mtimeMs));
  const made = await stat(OUT).catch(() => undefined);
  return made !== undefined && made.mtimeMs > Math.max(...times);
}

/** The compiler's first error, which usually causes the others. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return message.split('\n').find((line) => /error/i.test(line)) ?? message;
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
