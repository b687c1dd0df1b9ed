import { describe } from 'vitest';
import { findBuilt } from '../../src/engine/built-files.ts';
import type { Engine, EngineOptions } from '../../src/engine/engine.ts';
import type { KernelEngine } from '../../src/engine/kernel/kernel-engine.ts';
import { createNativeEngine } from '../../src/engine/native/native-engine.ts';
import { loadAddon } from '../../src/engine/native/native-module.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import { createWasmEngine } from '../../src/engine/wasm/wasm-engine.ts';
import { loadKernel } from '../../src/engine/wasm/wasm-module.ts';

/** The engines that must give the same bits, with the native one once for each vector width. */

export interface TestedEngine<E extends Engine = Engine> {
  readonly name: string;
  readonly create: (options: EngineOptions) => E;
  /** Why it cannot run here; the title of its skipped suites shows the reason. */
  readonly missing?: string;
}

const kernel = await loadKernel();
if (typeof kernel === 'string') throw new Error(kernel);
const addon = loadAddon(findBuilt('native/native.node'));

/** The widths that the build makes for this architecture, even if this processor cannot run all of them. */
const WIDTHS = process.arch === 'x64' ? [16, 8, 4] : [4];

const native = WIDTHS.map((width): TestedEngine<KernelEngine> => {
  const name = `native, ${width} floats`;
  const never = () => {
    throw new Error('a missing engine was used');
  };
  if (typeof addon === 'string') return { name, create: never, missing: addon };
  if (!addon.widths.some((offered) => offered.width === width)) {
    return { name, create: never, missing: 'this processor does not have vectors of this width' };
  }
  return { name, create: (options) => createNativeEngine(addon, options, width) };
});

/** The engines whose arithmetic is a compiled kernel. */
export const KERNEL_ENGINES: readonly TestedEngine<KernelEngine>[] = [
  { name: 'wasm', create: (options) => createWasmEngine(kernel, options) },
  ...native,
];

export const ENGINES: readonly TestedEngine[] = [
  { name: 'reference', create: createReferenceEngine },
  ...KERNEL_ENGINES,
];

/** Defines a suite for each engine. */
export function describeEach<E extends Engine>(
  engines: readonly TestedEngine<E>[],
  suite: (create: TestedEngine<E>['create']) => void,
): void {
  for (const { name, create, missing } of engines) {
    const title = missing === undefined ? name : `${name}: ${missing}`;
    describe.skipIf(missing !== undefined)(title, () => suite(create));
  }
}
