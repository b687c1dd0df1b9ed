import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DatasetUnavailableError } from './dataset-error.ts';
import { datasetOfIdx, type IdxFile, type IdxFiles, type IdxPart } from './reading/idx-set.ts';
import type { MadeDataset } from './reading/made-dataset.ts';
import { DatasetRefusedError } from './reading/refusal.ts';
import type { SourceFile } from './registry.ts';

/** Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist), where Debian's package has put it. */

export const FASHION_MNIST_FOLDER = '/usr/share/datasets/fashion-mnist';

/** Hashes of what is packed: Debian has packed the originals again. */
const FILES: Readonly<Record<IdxPart, SourceFile>> = {
  trainImages: {
    file: 'train-images-idx3-ubyte',
    sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  },
  trainLabels: {
    file: 'train-labels-idx1-ubyte',
    sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  },
  testImages: {
    file: 't10k-images-idx3-ubyte',
    sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  },
  testLabels: {
    file: 't10k-labels-idx1-ubyte',
    sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  },
};

/** Of the labels 0 to 9, by the README of the originals. */
const CLASSES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** 70,000 images of 28 x 28 bytes. */
const LIMITS = { unpackedBytes: 2 ** 26, preparedBytes: 2 ** 28 };

/** @throws {DatasetUnavailableError} */
export async function readFashionMnist(folder: string = FASHION_MNIST_FOLDER): Promise<MadeDataset> {
  const [trainImages, trainLabels, testImages, testLabels] = (await Promise.all(
    (['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const).map((part) =>
      readSource(folder, FILES[part]),
    ),
  )) as [IdxFile, IdxFile, IdxFile, IdxFile];
  const files: IdxFiles = { trainImages, trainLabels, testImages, testLabels };
  try {
    return { ...(await datasetOfIdx(files, LIMITS, CLASSES)), notes: [] };
  } catch (error) {
    if (!(error instanceof DatasetRefusedError)) throw error;
    throw new DatasetUnavailableError(`fashion_mnist cannot be read: ${error.message}`, { cause: error });
  }
}

async function readSource(folder: string, { file, sha256 }: SourceFile): Promise<IdxFile> {
  const path = join(folder, `${file}.gz`);
  let bytes: Buffer;
  try {
    bytes = gunzipSync(await readFile(path), { maxOutputLength: LIMITS.unpackedBytes });
  } catch (error) {
    throw unavailable(path, (error as Error).message, error);
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256)
    throw unavailable(path, `what is packed in it has the SHA-256 ${found}, not ${sha256}`);
  return { name: file, chunks: () => chunksOf(bytes), count: () => {} };
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const unavailable = (path: string, why: string, cause?: unknown): DatasetUnavailableError =>
  new DatasetUnavailableError(
    `${path} is not the original: ${why}. Install Debian's package: apt-get install --reinstall dataset-fashion-mnist.`,
    { cause },
  );
