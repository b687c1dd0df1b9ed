import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compileNative, findCompiler, knowsPlatform, SOURCES } from './compile-native.ts';

/**
 * `npm run build`'s last step: the native kernel, where there is a C compiler (CC, or cc). Nothing needs it, so without
 * one nothing is said; with one that fails, a line is.
 */

const OUT = 'dist/src/engine/native/native.node';

async function main(): Promise<void> {
  const compiler = knowsPlatform ? await findCompiler(process.env.CC || 'cc') : undefined;
  if (compiler !== undefined && (await isUpToDate())) return;
  // What was not made from these sources must not be found.
  await rm(OUT, { force: true });
  if (compiler === undefined) return;
  try {
    await compileNative(compiler, OUT);
  } catch (error) {
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

await main();
