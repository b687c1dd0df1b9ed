import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compileNative, findCompiler, knowsPlatform, SOURCES } from './compile-native.ts';

/**
 * `npm run build` runs this for the native kernel, where there is a C compiler (CC, or cc). Descent works without the
 * kernel, so a missing compiler is passed over in silence, and one that fails costs a line. NATIVE_BUILD asks for more:
 *
 * - required: without a kernel the build fails, on every platform that the kernel knows. The image is built so.
 * - strict: the same, and the compiler's warnings are errors. `npm run check` builds so.
 */

const OUT = 'dist/src/engine/native/native.node';

const LEVELS = ['', 'required', 'strict'];
const level = process.env.NATIVE_BUILD ?? '';

async function main(): Promise<void> {
  if (!LEVELS.includes(level)) throw new Error(`NATIVE_BUILD=${level}: expected required or strict`);
  const cc = process.env.CC || 'cc';
  const compiler = knowsPlatform ? await findCompiler(cc) : undefined;
  // An earlier build may have let warnings pass.
  if (compiler !== undefined && level !== 'strict' && (await isUpToDate())) return;
  // What was not made from these sources must not be found.
  await rm(OUT, { force: true });
  if (compiler === undefined) {
    if (level !== '' && knowsPlatform) throw new Error(`NATIVE_BUILD=${level}: ${cc} is no C compiler`);
    return;
  }
  try {
    await compileNative(compiler, OUT, level === 'strict' ? ['-Wall', '-Wextra', '-Werror'] : []);
  } catch (error) {
    if (level !== '') throw error;
    console.warn(`The native engine could not be compiled (wasm takes its place): ${reasonOf(error)}`);
  }
}

/** Whether the kernel is younger than all that it is made from. */
async function isUpToDate(): Promise<boolean> {
  const sources = (await readdir(SOURCES)).map((name) => join(SOURCES, name));
  const inputs = [...sources, 'src/engine/kernel/header.ts', 'scripts/compile-native.ts'];
  const times = await Promise.all(inputs.map(async (file) => (await stat(file)).mtimeMs));
  const made = await stat(OUT).catch(() => undefined);
  return made !== undefined && made.mtimeMs > Math.max(...times);
}

/** The compiler's first complaint, which is what the others follow from. */
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
