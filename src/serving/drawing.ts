import { type Fit, MOST_SIDE } from '../contract/prediction.ts';
import { PngError, readPng, readPngHeader } from '../dataset/reading/png.ts';
import { transposed } from '../export/transposed.ts';
import { InputError } from './input-error.ts';

/**
 * Pictures for models that were trained on images like MNIST's: light strokes on black, scaled into a box in the middle
 * and centred by mass. A drawing that is not prepared alike makes a good model look broken.
 */

interface Grey {
  readonly height: number;
  readonly width: number;
  /** (height, width), 0 to 255. */
  readonly pixels: Float64Array;
}

export interface Target {
  readonly fit: Fit;
  readonly height: number;
  readonly width: number;
}

/** MNIST's digits are 20 x 20 in an image of 28 x 28 (yann.lecun.com/exdb/mnist). */
const BOX_SHARE = 20 / 28;

/** Fainter pixels are noise, as a share of the brightest. */
const INK_SHARE = 0.2;

/** @returns (height, width). @throws {InputError} */
export function readDrawing(png: Uint8Array, { fit, height, width }: Target): Uint8Array {
  const grey = decode(png);
  switch (fit) {
    case 'none':
      if (grey.height !== height || grey.width !== width) {
        throw new InputError(
          'content',
          `The picture has ${grey.width} x ${grey.height} pixels; with fit=none it must have ${width} x ${height}.`,
        );
      }
      return toBytes(grey.pixels);
    case 'stretch':
      return toBytes(resized(grey, height, width).pixels);
    case 'mnist':
      return toBytes(centred(strokes(grey), height, width));
  }
}

/** The size is checked before anything is inflated: a small file may hold a huge picture. */
function decode(png: Uint8Array): Grey {
  const file = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const { width, height } = readable(() => readPngHeader(file, MOST_SIDE ** 2));
  if (width > MOST_SIDE || height > MOST_SIDE) {
    throw new InputError(
      'content',
      `The picture has ${width} x ${height} pixels; at most ${MOST_SIDE} x ${MOST_SIDE} are taken.`,
    );
  }
  const rgba = readable(() => readPng(file));
  const pixels = new Float64Array(height * width);
  for (let p = 0; p < pixels.length; p += 1) {
    const [r, g, b, alpha] = [rgba[4 * p]!, rgba[4 * p + 1]!, rgba[4 * p + 2]!, rgba[4 * p + 3]! / 255];
    // Luma of ITU-R BT.601, on white paper where the picture is transparent.
    pixels[p] = (0.299 * r + 0.587 * g + 0.114 * b) * alpha + 255 * (1 - alpha);
  }
  return { height, width, pixels };
}

function readable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof PngError)
      throw new InputError('content', `The picture cannot be read. ${error.message}`);
    throw error;
  }
}

/** Light strokes on black, at full strength, whichever way the drawing was made: its border is the background. */
function strokes({ height, width, pixels }: Grey): Grey {
  let border = 0;
  let count = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue;
      border += pixels[y * width + x]!;
      count += 1;
    }
  }
  const background = border / count;
  const ink = pixels.map((pixel) => (background > 127 ? background - pixel : pixel - background));
  const strongest = ink.reduce((most, value) => Math.max(most, value), 0);
  if (strongest < 1) throw new InputError('content', 'The picture is empty: all its pixels are alike.');
  return { height, width, pixels: ink.map((value) => Math.max(0, (255 * value) / strongest)) };
}

/**
 * The drawing's bounding box, scaled into the inner box and placed so that its centre of mass is on pixel (14, 14) of
 * 28 x 28, where it is in MNIST's images.
 */
function centred(drawing: Grey, height: number, width: number): Float64Array {
  const box = cropped(drawing);
  const scale = Math.min((height * BOX_SHARE) / box.height, (width * BOX_SHARE) / box.width);
  const small = resized(
    box,
    Math.max(1, Math.round(box.height * scale)),
    Math.max(1, Math.round(box.width * scale)),
  );
  let [mass, massX, massY] = [0, 0, 0];
  small.pixels.forEach((value, p) => {
    mass += value;
    massX += value * (p % small.width);
    massY += value * Math.floor(p / small.width);
  });
  const left = clamp(Math.round(width / 2 - massX / mass), 0, width - small.width);
  const top = clamp(Math.round(height / 2 - massY / mass), 0, height - small.height);
  const result = new Float64Array(height * width);
  for (let y = 0; y < small.height; y += 1) {
    for (let x = 0; x < small.width; x += 1) {
      result[(top + y) * width + left + x] = small.pixels[y * small.width + x]!;
    }
  }
  return result;
}

function cropped({ height, width, pixels }: Grey): Grey {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (pixels[y * width + x]! < 255 * INK_SHARE) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  const box = { height: bottom - top + 1, width: right - left + 1 };
  const inside = new Float64Array(box.height * box.width);
  for (let y = 0; y < box.height; y += 1) {
    const from = (top + y) * width + left;
    inside.set(pixels.subarray(from, from + box.width), y * box.width);
  }
  return { ...box, pixels: inside };
}

/** Each new pixel is the mean of the area that it covers, so that strokes keep their grey edges. */
function resized(grey: Grey, height: number, width: number): Grey {
  const columns = averaged(grey.pixels, grey.height, grey.width, width);
  const turned = transposed(columns, grey.height, width);
  const rows = averaged(turned, width, grey.height, height);
  return { height, width, pixels: transposed(rows, width, height) };
}

/** (rows, from) -> (rows, to) */
function averaged(pixels: Float64Array, rows: number, from: number, to: number): Float64Array {
  const result = new Float64Array(rows * to);
  const step = from / to;
  for (let r = 0; r < rows; r += 1) {
    for (let x = 0; x < to; x += 1) {
      const [start, end] = [x * step, (x + 1) * step];
      let sum = 0;
      for (let k = Math.floor(start); k < Math.min(from, Math.ceil(end)); k += 1) {
        sum += pixels[r * from + k]! * (Math.min(end, k + 1) - Math.max(start, k));
      }
      result[r * to + x] = sum / step;
    }
  }
  return result;
}

const toBytes = (pixels: Float64Array): Uint8Array =>
  Uint8Array.from(pixels, (value) => clamp(Math.round(value), 0, 255));

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
