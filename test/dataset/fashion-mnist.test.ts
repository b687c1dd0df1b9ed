import { existsSync } from 'node:fs';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DatasetUnavailableError } from '../../src/dataset/dataset-error.ts';
import { FASHION_MNIST_FOLDER, readFashionMnist } from '../../src/dataset/fashion-mnist.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const INSTALLED = existsSync(FASHION_MNIST_FOLDER);

it('says which package has it, where it is not installed', async () => {
  const folder = await makeTemporaryFolder();
  await expect(readFashionMnist(folder)).rejects.toThrow(DatasetUnavailableError);
  await expect(readFashionMnist(folder)).rejects.toThrow(
    /ENOENT.*apt-get install --reinstall dataset-fashion-mnist/,
  );
});

describe.skipIf(!INSTALLED)("Debian's dataset-fashion-mnist", () => {
  it('is 70,000 images, as many of each class', async () => {
    const dataset = await readFashionMnist();
    expect(dataset).toMatchObject({ kind: 'images', inputs: 784, outputs: 10, storage: 'u8' });
    expect(dataset.image).toEqual({ height: 28, width: 28, channels: 1 });
    expect([dataset.train.rows, dataset.test.rows]).toEqual([60_000, 10_000]);
    for (const [{ targets }, count] of [
      [dataset.train, 6_000],
      [dataset.test, 1_000],
    ] as const) {
      const counts = dataset.classes!.map((_, k) => targets.filter((target) => target === k).length);
      expect(counts).toEqual(new Array(10).fill(count));
    }
    // The first train image is an ankle boot: white at its sole, black above.
    expect(dataset.classes![dataset.train.targets[0]!]).toBe('Ankle boot');
    expect(dataset.train.values.subarray(0, 28).every((pixel) => pixel === 0)).toBe(true);
  });

  it('is refused when a file was changed', async () => {
    const folder = await makeTemporaryFolder();
    await cp(FASHION_MNIST_FOLDER, folder, { recursive: true, dereference: true });
    const [name] = (await readdir(folder)).filter((file) => file.startsWith('t10k-labels'));
    await writeFile(join(folder, name!), gzipSync('changed'));
    await expect(readFashionMnist(folder)).rejects.toThrow(/t10k-labels.*has the SHA-256/);
  });
});
