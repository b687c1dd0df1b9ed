import type { DataShape } from '../contract/data-shape.ts';
import { type Content, contentSha256 } from './content.ts';
import { DatasetUnavailableError } from './dataset-error.ts';
import { GENERATED_NAMES, type GeneratedName, generateDataset } from './generated.ts';
import { DATASETS, type DatasetEntry } from './registry.ts';
import { loadSourceFile, sourceFolders } from './source-files.ts';

/**
 * Makes a dataset's content from its source files, or generates it. The dataset's name finds the files; the content's
 * hash decides whether it is the data that the job was created for.
 *
 * sourceDir: the folder of the source files; by default sourceFolders() are searched.
 * @throws {DatasetUnavailableError}
 */
export async function loadContent(shape: DataShape, dataDir: string, sourceDir?: string): Promise<Content> {
  const entry = findEntry(shape.dataset);
  if (entry === undefined)
    throw new DatasetUnavailableError(`this version of Descent has no dataset ${shape.dataset}`);
  const content = await makeContent(entry, shape, dataDir, sourceDir);
  const sha256 = contentSha256(shape, content);
  if (sha256 !== shape.sha256) {
    throw new DatasetUnavailableError(
      `the sources of ${shape.dataset} do not give the data that the job was created for: their content has the SHA-256 ${sha256}, not ${shape.sha256}. Create the job again with the version of Descent that runs here.`,
    );
  }
  return content;
}

async function makeContent(
  { sources, shape: { dataset } }: DatasetEntry,
  { inputs, image, rows }: DataShape,
  dataDir: string,
  sourceDir: string | undefined,
): Promise<Content> {
  if (sources === null) return generateDataset(generatedName(dataset));
  if (image === null) throw new DatasetUnavailableError(`the source files of ${dataset} hold images`);
  const folders = sourceDir === undefined ? sourceFolders(sources, dataset, dataDir) : [sourceDir];
  const { files } = sources;
  const values = async (file: keyof typeof files, count: number) => {
    const loaded = await loadSourceFile(sources, files[file], [0, image.height, image.width], folders);
    // A sample takes the first rows of each file.
    return loaded.subarray(0, count * inputs);
  };
  const targets = async (file: keyof typeof files, count: number) =>
    Uint16Array.from((await loadSourceFile(sources, files[file], [0], folders)).subarray(0, count));
  return {
    train: {
      targets: await targets('trainLabels', rows.train),
      values: await values('trainImages', rows.train),
    },
    test: { targets: await targets('testLabels', rows.test), values: await values('testImages', rows.test) },
  };
}

function findEntry(dataset: string): DatasetEntry | undefined {
  return Object.values(DATASETS).find(({ shape }) => shape.dataset === dataset);
}

function generatedName(dataset: string): GeneratedName {
  const name = GENERATED_NAMES.find((known) => known === dataset);
  if (name === undefined) throw new DatasetUnavailableError(`no dataset ${dataset} can be generated`);
  return name;
}
