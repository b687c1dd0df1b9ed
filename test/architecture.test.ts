import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Compares the arrows of ARCHITECTURE.md with the imports of the code, types included. Plain text search is enough:
 * every import here is a relative path with its extension.
 */

const FILES = ['src', 'workers', 'scripts', 'web'].flatMap((top) =>
  readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
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

/** src/store, workers, scripts, or, for a file outside every room, the file itself: src/main.ts. */
const roomOf = (file: string): string =>
  file.startsWith('src/') ? file.split('/').slice(0, 2).join('/') : file.split('/', 1)[0];

/** A name of the page as a path: `store` -> src/store, `main` -> src/main.ts, `process/log` -> src/process/log.ts. */
function pathOf(name: string): string {
  const places = [name, `src/${name}`, `src/${name}.ts`];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`ARCHITECTURE.md draws an arrow at ${name}, which is not there`);
  return found;
}

/** What each room may import besides itself: the page's lines `room -> room, room/file`. */
const ARROWS = new Map(
  [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^([a-z]+) +->(.*)$/gm)].map(
    ([, room, targets]) =>
      [
        pathOf(room!),
        targets!
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '')
          .map(pathOf),
      ] as const,
  ),
);

/** The rules of the engines: the numbers that rules.ts defines, and every reference to one. */
const RULES = 'src/engine/rules.ts';
const CITING = ['src', 'test', 'workers'].flatMap((top) =>
  readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|c|h)$/.test(name))
    .map((name) => join(top, name)),
);

const TENSORFLOW = 'src/engine/tensorflow/tensorflow-module.ts';
const ASSEMBLY = 'src/engine/wasm/assembly/';
/** Formats of other tools, read by their libraries. */
const READING = 'src/dataset/reading/';

it('every rule of the engines that is referenced has its number in rules.ts', () => {
  const numbers = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, n]) => Number(n));
  const defined = numbers(readFileSync(RULES, 'utf8'), /^ \* Rule (\d+), /gm);
  expect(defined).toEqual(defined.map((_, k) => k + 1));
  const cited = CITING.flatMap((file) => numbers(readFileSync(file, 'utf8'), /\b[Rr]ule (\d+)\b/g));
  expect(cited.filter((n) => !defined.includes(n))).toEqual([]);
  expect(cited.length).toBeGreaterThan(defined.length);
});

describe('the arrows', () => {
  it('the page has a line for every room', () => {
    expect([...ARROWS.keys()].sort()).toEqual([...new Set(FILES.map(roomOf))].sort());
  });

  it.each([...ARROWS.keys()])('%s imports only what it may', (room) => {
    const allowed = [room, ...ARROWS.get(room)!];
    const wrong = FILES.filter((file) => roomOf(file) === room).flatMap((file) =>
      relativeImports(file)
        .filter((target) => !allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each([...ARROWS.keys()])('%s uses every arrow that it has on the page', (room) => {
    const targets = FILES.filter((file) => roomOf(file) === room).flatMap(relativeImports);
    const unused = ARROWS.get(room)!.filter(
      (prefix) => !targets.some((target) => target === prefix || target.startsWith(`${prefix}/`)),
    );
    expect(unused).toEqual([]);
  });

  it('the kernel, built by another compiler, shares only its header with the engine', () => {
    const isAssembly = (file: string) => file.startsWith(ASSEMBLY);
    const crossing = FILES.flatMap((file) =>
      relativeImports(file).flatMap((target) => (isAssembly(file) === isAssembly(target) ? [] : [target])),
    );
    expect([...new Set(crossing)]).toEqual(['src/engine/kernel/header.ts']);
    expect(FILES.filter(isAssembly).flatMap(packageImports)).toEqual([]);
  });

  it('the client needs nothing, so that it runs in browsers', () => {
    expect(FILES.filter((file) => roomOf(file) === 'src/client').flatMap(packageImports)).toEqual([]);
  });

  it('the contract needs only zod', () => {
    const packages = FILES.filter((file) => roomOf(file) === 'src/contract').flatMap(packageImports);
    expect([...new Set(packages)]).toEqual(['zod']);
  });

  it('engine, training and dataset see neither Redis nor HTTP; the engine loads its engines, and no other I/O', () => {
    const rooms = ['src/engine', 'src/training', 'src/dataset'];
    const files = FILES.filter((file) => rooms.includes(roomOf(file)));
    // The process of an upload has a thread that guards it.
    const packages = files.filter((file) => !file.startsWith(READING)).flatMap(packageImports);
    expect(packages.filter((name) => /^node:(http|net|tls|worker_threads)/.test(name))).toEqual([]);
    const foreign = files.filter((file) =>
      packageImports(file).some((name) => !name.startsWith('node:') && name !== 'zod'),
    );
    expect(foreign.filter((file) => !file.startsWith(READING))).toEqual([TENSORFLOW]);
    const engine = files.filter((file) => roomOf(file) === 'src/engine' && packageImports(file).length > 0);
    expect(engine.sort()).toEqual([
      'src/engine/built-files.ts',
      'src/engine/native/native-check.ts',
      'src/engine/native/native-module.ts',
      TENSORFLOW,
      'src/engine/wasm/wasm-module.ts',
    ]);
    const children = files.filter((file) => packageImports(file).includes('node:child_process'));
    expect(children.sort()).toEqual([
      'src/dataset/reading-process.ts',
      'src/engine/native/native-check.ts',
      TENSORFLOW,
    ]);
    // Types only: the modules are loaded when a job needs them.
    expect(IMPORTS.get(TENSORFLOW)!.text).not.toMatch(
      /^(import|export) (?!type |interface )[^;]*'@tensorflow/m,
    );
  });

  it('only queue/ and workers/ import BullMQ, only redis/ imports ioredis', () => {
    const importers = (name: string) =>
      FILES.filter((file) => packageImports(file).includes(name)).map(roomOf);
    expect([...new Set(importers('bullmq'))].sort()).toEqual(['src/queue', 'workers']);
    expect([...new Set(importers('ioredis'))]).toEqual(['src/redis']);
  });

  it('only the entries and config.ts read the environment, only clock.ts the clocks', () => {
    const containing = (pattern: RegExp) =>
      FILES.filter(
        (file) => !['scripts', 'web'].includes(roomOf(file)) && pattern.test(IMPORTS.get(file)!.text),
      ).sort();
    expect(containing(/process\.env\b/)).toEqual([
      'src/cli/main.ts',
      'src/doctor/main.ts',
      'src/keys.ts',
      'src/main.ts',
      'src/process/config.ts',
      'src/server.ts',
      'workers/main.ts',
    ]);
    expect(containing(/\bDate\.now\(|\bperformance\.now\(|new Date\(\)/)).toEqual(['src/process/clock.ts']);
  });

  it('the training path takes nothing out of Math under another name (the lint rule sees Math.exp only)', () => {
    const taken =
      /\{[^{}]*\b(?:a?(?:sin|cos|tan)h?|exp(?:m1)?|log(?:2|10|1p)?|pow|random|cbrt|hypot)\b[^{}]*\}\s*=\s*Math\b/;
    const path = FILES.filter((file) => ['src/engine', 'src/training'].includes(roomOf(file)));
    expect(path.filter((file) => taken.test(IMPORTS.get(file)!.text))).toEqual([]);
  });

  it('one dialect: #private members, and @throws for what a function throws', () => {
    const ours = FILES.filter((file) => !file.startsWith(ASSEMBLY));
    const containing = (pattern: RegExp) => ours.filter((file) => pattern.test(IMPORTS.get(file)!.text));
    expect(containing(/^\s+(private|protected|public) (?!constructor)/m)).toEqual([]);
    expect(containing(/^\s*(\/\*)?\*.*\bThrows [A-Z]/m)).toEqual([]);
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
