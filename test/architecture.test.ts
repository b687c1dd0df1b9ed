import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The arrows of ARCHITECTURE.md, held against the imports of the code, types included. Text is enough: every import
 * here is a relative path with its ending.
 */

const FILES = ['src', 'workers'].flatMap((top) =>
  readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(top, name)),
);

const IMPORTS = new Map(
  FILES.map((file) => {
    const text = readFileSync(file, 'utf8');
    const found = [...text.matchAll(/(?:\bfrom |^import |\bimport\()'([^']+)'(?:;|\))/gm)].map(
      ([, path]) => path!,
    );
    return [file, { text, found }];
  }),
);

const relativeImports = (file: string): string[] =>
  IMPORTS.get(file)!.found.flatMap((path) =>
    path.startsWith('.') ? [normalize(join(dirname(file), path))] : [],
  );

const packageImports = (file: string): string[] =>
  IMPORTS.get(file)!.found.filter((path) => !path.startsWith('.'));

/** src/store, workers, or the file itself where it lies in no room: src/config.ts. */
const roomOf = (file: string): string =>
  file.startsWith('workers/') ? 'workers' : file.split('/').slice(0, 2).join('/');

/** What each room may import, besides itself. */
const ARROWS: Record<string, string[]> = {
  'src/contract': [],
  'src/engine': ['src/contract'],
  'src/dataset': ['src/contract'],
  'src/training': ['src/contract', 'src/engine', 'src/dataset'],
  'src/charts': ['src/contract'],
  'src/store': ['src/contract', 'src/redis.ts', 'src/log.ts'],
  'src/queue': ['src/contract', 'src/store', 'src/redis.ts', 'src/log.ts'],
  'src/api': [
    'src/contract',
    'src/store',
    'src/queue',
    'src/charts',
    'src/dataset/registry.ts',
    'src/engine/model-layout.ts',
    'src/engine/tensorflow-limits.ts',
    'src/clock.ts',
  ],
  workers: [
    'src/contract',
    'src/store',
    'src/queue',
    'src/training',
    'src/engine/engines.ts',
    'src/engine/engine.ts',
    'src/dataset',
    'src/clock.ts',
    'src/log.ts',
    // What main.ts, the entry, is made of.
    'src/config.ts',
    'src/redis.ts',
    'src/redis-checks.ts',
    'src/child-message.ts',
    'src/parent-watch.ts',
    'src/stop-signals.ts',
    'src/package-version.ts',
  ],
};

const TENSORFLOW = 'src/engine/tensorflow-module.ts';

describe('the arrows', () => {
  it.each(Object.keys(ARROWS))('%s imports only what it may', (room) => {
    const allowed = [room, ...ARROWS[room]!];
    const wrong = FILES.filter((file) => roomOf(file) === room).flatMap((file) =>
      relativeImports(file)
        .filter((target) => !allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('the kernel, which another compiler builds, shares its header with the engine and nothing else', () => {
    const isKernel = (file: string) => file.startsWith('src/engine/kernel/');
    const crossing = FILES.flatMap((file) =>
      relativeImports(file).flatMap((target) => (isKernel(file) === isKernel(target) ? [] : [target])),
    );
    expect([...new Set(crossing)]).toEqual(['src/engine/kernel-header.ts']);
    expect(FILES.filter(isKernel).flatMap(packageImports)).toEqual([]);
  });

  it('no room outside imports workers', () => {
    const wrong = FILES.filter((file) => roomOf(file) !== 'workers').filter((file) =>
      relativeImports(file).some((target) => target.startsWith('workers/')),
    );
    expect(wrong).toEqual([]);
  });

  it('the contract needs zod and nothing else', () => {
    const packages = FILES.filter((file) => roomOf(file) === 'src/contract').flatMap(packageImports);
    expect([...new Set(packages)]).toEqual(['zod']);
  });

  it('engine, training and dataset see neither Redis nor HTTP; the engine loads its engines, and no other I/O', () => {
    const rooms = ['src/engine', 'src/training', 'src/dataset'];
    const files = FILES.filter((file) => rooms.includes(roomOf(file)));
    const packages = files.flatMap(packageImports);
    expect(packages.filter((name) => /^node:(http|net|tls|worker_threads)/.test(name))).toEqual([]);
    const foreign = files.filter((file) =>
      packageImports(file).some((name) => !name.startsWith('node:') && name !== 'zod'),
    );
    expect(foreign).toEqual([TENSORFLOW]);
    const engine = files.filter((file) => roomOf(file) === 'src/engine' && packageImports(file).length > 0);
    expect(engine.sort()).toEqual([
      'src/engine/native-check.ts',
      'src/engine/native-module.ts',
      TENSORFLOW,
      'src/engine/wasm-module.ts',
    ]);
    const children = files.filter((file) => packageImports(file).includes('node:child_process'));
    expect(children.sort()).toEqual(['src/engine/native-check.ts', TENSORFLOW]);
    // Types only: what is loaded is loaded when a job asks for it.
    expect(IMPORTS.get(TENSORFLOW)!.text).not.toMatch(/^(import|export) (?!type )[^;]*'@tensorflow/m);
  });

  it('BullMQ is known to queue/ and workers/, ioredis to redis.ts', () => {
    const importers = (name: string) =>
      FILES.filter((file) => packageImports(file).includes(name)).map(roomOf);
    expect([...new Set(importers('bullmq'))].sort()).toEqual(['src/queue', 'workers']);
    expect(importers('ioredis')).toEqual(['src/redis.ts']);
  });

  it('only the entries and config.ts read the environment, only clock.ts the clocks', () => {
    const containing = (pattern: RegExp) =>
      FILES.filter((file) => pattern.test(IMPORTS.get(file)!.text)).sort();
    expect(containing(/process\.env\b/)).toEqual([
      'src/config.ts',
      'src/main.ts',
      'src/server.ts',
      'workers/main.ts',
    ]);
    expect(containing(/\bDate\.now\(|\bperformance\.now\(|new Date\(\)/)).toEqual(['src/clock.ts']);
  });

  it('the training path takes nothing out of Math under another name (the lint rule sees Math.exp only)', () => {
    const taken =
      /\{[^{}]*\b(?:a?(?:sin|cos|tan)h?|exp(?:m1)?|log(?:2|10|1p)?|pow|random|cbrt|hypot)\b[^{}]*\}\s*=\s*Math\b/;
    const path = FILES.filter((file) => ['src/engine', 'src/training'].includes(roomOf(file)));
    expect(path.filter((file) => taken.test(IMPORTS.get(file)!.text))).toEqual([]);
  });

  it('there is no cycle, types included', () => {
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file))
        throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
      if (done.has(file)) return;
      for (const target of relativeImports(file)) visit(target, [...path, file]);
      done.add(file);
    };
    expect(() => {
      for (const file of FILES) visit(file, []);
    }).not.toThrow();
  });
});
