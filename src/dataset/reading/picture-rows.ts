import { resampled } from './area-average.ts';
import type { ReadLimits } from './limits.ts';
import type { MadeDataset, MadeRows } from './made-dataset.ts';
import { Places } from './places.ts';
import { PngError, readPng, readPngHeader } from './png.ts';
import { refuseLarge } from './prepared-size.ts';
import type { Place } from './refusal.ts';
import type { Split } from './split.ts';

/**
 * Pictures as rows of bytes: grey (one channel) when every pixel of every picture has equal red, green and blue,
 * whatever the files say, else RGB. Transparent pixels show white paper, as they do when pictures are sent for
 * prediction.
 */

interface Size {
  readonly width: number;
  readonly height: number;
}

const OPAQUE = 255;

export class PictureRows {
  /** Row of the source -> row of train, or -1 - row of test. */
  readonly #rowOf: Int32Array;
  readonly #limits: ReadLimits;
  readonly #counts: readonly [number, number];
  readonly #wanted: Size | null;
  readonly #unlike = new Places(
    'The pictures must be PNG, all of one size. With size=28x28 (or another) they are resampled.',
  );
  #size: Size | null;
  #channels: 1 | 3 = 1;
  #values: [Uint8Array, Uint8Array] | null = null;
  #pixelBytes = 0;
  #stretched = 0;
  #seeThrough = 0;

  /** size: as text, to resample; null if all are of one size. train, test: the rows of the source that go there. */
  constructor(size: string | null, train: Uint32Array, test: Uint32Array, limits: ReadLimits) {
    const [width, height] = (size ?? '0x0').split('x').map(Number) as [number, number];
    this.#wanted = size === null ? null : { width, height };
    this.#size = this.#wanted;
    this.#limits = limits;
    this.#counts = [train.length, test.length];
    this.#rowOf = new Int32Array(train.length + test.length);
    train.forEach((row, k) => {
      this.#rowOf[row] = k;
    });
    test.forEach((row, k) => {
      this.#rowOf[row] = -1 - k;
    });
  }

  /** place: of the picture, for a refusal. @throws {DatasetRefusedError} now or in `finish` */
  add(file: Buffer, row: number, place: Omit<Place, 'problem'>): void {
    try {
      const header = readPngHeader(file);
      this.#size ??= { width: header.width, height: header.height };
      const { width, height } = this.#size;
      if (this.#wanted === null && (header.width !== width || header.height !== height)) {
        throw new PngError(
          `It has ${header.width} x ${header.height} pixels, the first has ${width} x ${height}.`,
        );
      }
      this.#pixelBytes += header.bytes;
      if (this.#pixelBytes > this.#limits.unpackedBytes) {
        throw new PngError(
          `With it, the pictures unpack to more than ${this.#limits.unpackedBytes} bytes. Make them smaller.`,
        );
      }
      if (this.#unlike.any) return;
      if (header.width * height !== header.height * width) this.#stretched += 1;
      this.#put(onPaper(readPng(file)), header, row);
    } catch (error) {
      if (!(error instanceof PngError)) throw error;
      this.#unlike.add({ ...place, problem: error.message });
    }
  }

  /** @throws {DatasetRefusedError} */
  finish(): {
    train: Uint8Array;
    test: Uint8Array;
    image: { height: number; width: number; channels: number };
    notes: string[];
  } {
    this.#unlike.refuse();
    const [train, test] = this.#values!;
    const notes = [
      this.#channels === 1
        ? 'All pixels are grey (equal red, green and blue): a picture has one channel.'
        : 'A picture has three channels: red, green, blue. Grey ones have the same value in all three.',
    ];
    if (this.#seeThrough > 0) {
      notes.push(`${this.#seeThrough} pictures have transparent pixels, which were put on white.`);
    }
    if (this.#stretched > 0) {
      notes.push(
        `${this.#stretched} pictures have other proportions than the size asked for, and were stretched.`,
      );
    }
    return { train, test, image: { ...this.#size!, channels: this.#channels }, notes };
  }

  #put({ pixels, seeThrough }: Flat, { width, height }: Size, row: number): void {
    if (seeThrough) this.#seeThrough += 1;
    if (this.#values === null) this.#values = this.#allocate(this.#channels);
    if (this.#channels === 1 && !isGrey(pixels)) this.#widen();
    const channels = this.#channels;
    const size = this.#size!;
    const taken = channels === 3 ? pixels : firstOfThree(pixels);
    const { pixels: values } = resampled({ width, height, channels, pixels: taken }, size.height, size.width);
    const at = this.#rowOf[row]!;
    if (at >= 0) this.#values[0].set(values, at * values.length);
    else this.#values[1].set(values, (-1 - at) * values.length);
  }

  #allocate(channels: 1 | 3): [Uint8Array, Uint8Array] {
    const inputs = this.#size!.width * this.#size!.height * channels;
    const [train, test] = this.#counts;
    refuseLarge(train + test, inputs, this.#limits);
    return [new Uint8Array(train * inputs), new Uint8Array(test * inputs)];
  }

  /** From grey to RGB, at the first picture that has a colour. */
  #widen(): void {
    const wide = this.#allocate(3);
    this.#values!.forEach((grey, part) => {
      const target = wide[part]!;
      for (let k = 0; k < grey.length; k += 1) target.fill(grey[k]!, 3 * k, 3 * k + 3);
    });
    this.#values = wide;
    this.#channels = 3;
  }
}

/** What pictures with classes make, apart from what is told about it. labels: of all rows, by their numbers. */
export function madeOfPictures(
  { train, test, image }: Omit<ReturnType<PictureRows['finish']>, 'notes'>,
  labels: Uint16Array,
  split: Split,
  classes: readonly string[],
): Omit<MadeDataset, 'options' | 'notes'> {
  const part = (values: Uint8Array, order: Uint32Array): MadeRows => ({
    rows: order.length,
    values,
    targets: Uint16Array.from(order, (row) => labels[row]!),
  });
  return {
    kind: 'images',
    task: 'classification',
    inputs: image.height * image.width * image.channels,
    image,
    outputs: classes.length,
    classes,
    storage: 'u8',
    train: part(train, split.train),
    test: part(test, split.test),
    columns: null,
    target: null,
  };
}

interface Flat {
  /** (pixels, 3) */
  readonly pixels: Uint8Array;
  readonly seeThrough: boolean;
}

/** On white: (colour * alpha + 255 * (255 - alpha)) / 255, rounded in integers. */
function onPaper(rgba: Uint8Array): Flat {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  let seeThrough = false;
  for (let p = 0; p < rgba.length / 4; p += 1) {
    const alpha = rgba[4 * p + 3]!;
    if (alpha === OPAQUE) {
      for (let c = 0; c < 3; c += 1) pixels[3 * p + c] = rgba[4 * p + c]!;
      continue;
    }
    seeThrough = true;
    for (let c = 0; c < 3; c += 1) {
      const sum = rgba[4 * p + c]! * alpha + OPAQUE * (OPAQUE - alpha);
      pixels[3 * p + c] = Math.floor((2 * sum + OPAQUE) / (2 * OPAQUE));
    }
  }
  return { pixels, seeThrough };
}

function firstOfThree(pixels: Uint8Array): Uint8Array {
  const result = new Uint8Array(pixels.length / 3);
  for (let p = 0; p < result.length; p += 1) result[p] = pixels[3 * p]!;
  return result;
}

function isGrey(pixels: Uint8Array): boolean {
  for (let k = 0; k < pixels.length; k += 3) {
    if (pixels[k] !== pixels[k + 1] || pixels[k] !== pixels[k + 2]) return false;
  }
  return true;
}
