import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as header from '../src/engine/kernel/header.ts';

/** Compiles the C sources in src/engine/native/ into an addon for Node. */

const run = promisify(execFile);

export const SOURCES = 'src/engine/native';
const HEADERS: string = createRequire(import.meta.url)('node-api-headers').include_dir;

/**
 * Equal bits depend on these flags: the compiler must not fuse a multiplication with an addition or reorder a sum. So
 * never use -Ofast, -ffast-math or -march=native.
 */
const FLAGS = ['-std=gnu11', '-O3', '-ffp-contract=off', '-fno-math-errno', '-fPIC', '-fvisibility=hidden'];

/** For each vector width, in floats, the instruction sets that addon.c requires before it offers that width. */
const WIDTHS: { readonly [arch: string]: { readonly [width: number]: readonly string[] } } = {
  x64: {
    16: ['-mavx512f', '-mavx512vl', '-mavx512dq', '-mprefer-vector-width=512'],
    8: ['-mavx2'],
    4: [],
  },
  arm64: { 4: [] },
};

/** Whether the kernel supports this processor and operating system. */
export const knowsPlatform = process.platform !== 'win32' && process.arch in WIDTHS;

/** The compiler, split into program and arguments; undefined if it does not run. */
export async function findCompiler(cc: string): Promise<readonly string[] | undefined> {
  const compiler = cc.split(' ');
  const answers = await run(compiler[0], [...compiler.slice(1), '--version']).then(
    () => true,
    () => false,
  );
  return answers ? compiler : undefined;
}

/**
 * Compiles the kernel into the file `out`, which is replaced atomically and only on success; a process that has loaded
 * the old file keeps it. Tests use extraFlags, which come last, to break the rules.
 *
 * @throws with what the compiler wrote
 */
export async function compileNative(
  compiler: readonly string[],
  out: string,
  extraFlags: readonly string[] = [],
): Promise<void> {
  await mkdir(dirname(out), { recursive: true });
  const folder = await mkdtemp(join(dirname(out), 'native-'));
  try {
    await writeFile(join(folder, 'kernel-header.h'), cHeader());
    const cc = (...args: string[]) => run(compiler[0], [...compiler.slice(1), ...args]);
    const compile = async (source: string, object: string, flags: readonly string[]) => {
      const file = join(folder, object);
      const includes = ['-I', folder, '-I', HEADERS];
      await cc(...FLAGS, ...includes, ...flags, ...extraFlags, '-c', join(SOURCES, source), '-o', file);
      return file;
    };
    const objects = await Promise.all([
      compile('addon.c', 'addon.o', []),
      ...Object.entries(WIDTHS[process.arch]).map(([width, flags]) =>
        compile('train.c', `train-${width}.o`, [`-DWIDTH=${width}`, ...flags]),
      ),
    ]);
    const linking = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
    const linked = join(folder, 'native.node');
    await cc(...linking, ...extraFlags, ...objects, '-o', linked);
    await rename(linked, out);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** header.ts in C. */
function cHeader(): string {
  const names = Object.entries(header).map(([name, value]) => `  ${name} = ${value},\n`);
  return `enum {\n${names.join('')}};\n`;
}
