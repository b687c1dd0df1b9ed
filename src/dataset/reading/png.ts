import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';

/** PNG pictures (https://www.w3.org/TR/png-3/) as red, green, blue and alpha, by the library pngjs. */

/** The bytes are not a PNG picture that can be used: a sentence. */
export class PngError extends Error {
  override readonly name = 'PngError';
}

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bytes of the pixels before they are packed: what the picture unpacks to. */
  readonly bytes: number;
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** The end of the first chunk, which has the size. */
const IHDR_END = 33;
/** 4096 x 4096: 64 MiB as red, green, blue and alpha. */
const MOST_PIXELS = 2 ** 24;

/** Values of a pixel by colour type: grey, RGB, palette, grey and alpha, RGB and alpha. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Which pixels a part of a picture has: from column and row, each so many further. */
type Part = readonly [left: number, top: number, right: number, down: number];
const WHOLE: readonly Part[] = [[0, 0, 1, 1]];
/** Interlaced pictures (Adam7). */
const PASSES: readonly Part[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Other formats that people have, by how their files start. */
const OTHERS: readonly (readonly [string, Buffer])[] = [
  ['JPEG', Buffer.from('ffd8ff', 'hex')],
  ['GIF', Buffer.from('GIF8')],
  ['BMP', Buffer.from('BM')],
  ['TIFF', Buffer.from('49492a00', 'hex')],
  ['TIFF', Buffer.from('4d4d002a', 'hex')],
  ['WebP', Buffer.from('RIFF')],
];

/** Reads the size, before anything is unpacked. @throws {PngError} */
export function readPngHeader(file: Buffer, mostPixels = MOST_PIXELS): PngHeader {
  if (
    file.length < IHDR_END ||
    !file.subarray(0, 8).equals(SIGNATURE) ||
    file.toString('latin1', 12, 16) !== 'IHDR'
  ) {
    const other = OTHERS.find(([, start]) => file.subarray(0, start.length).equals(start));
    throw new PngError(
      other
        ? `It is a ${other[0]} picture. Save it as PNG, for example with Pillow: Image.open(name).save('name.png').`
        : 'It is not a PNG picture.',
    );
  }
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (width < 1 || height < 1) throw new PngError('It is damaged: it has no pixels.');
  if (width * height > mostPixels) {
    throw new PngError(
      `It has ${width} x ${height} pixels; at most ${mostPixels} are taken. Make it smaller.`,
    );
  }
  const channels = CHANNELS[file.readUInt8(25)];
  if (channels === undefined) throw new PngError('It is damaged: it has no colour type of PNG.');
  const bits = channels * file.readUInt8(24);
  const parts = file.readUInt8(28) === 0 ? WHOLE : PASSES;
  const bytes = parts.reduce((sum, [left, top, right, down]) => {
    const [columns, rows] = [Math.ceil((width - left) / right), Math.ceil((height - top) / down)];
    // Each line has a byte in front, which says how it is filtered. Parts without columns have no lines.
    return sum + (columns > 0 ? Math.max(0, rows) * (Math.ceil((columns * bits) / 8) + 1) : 0);
  }, 0);
  return { width, height, bytes };
}

/**
 * (height, width, 4): red, green, blue, alpha, 0 to 255 each; 16 bits are rounded to 8.
 * @throws {PngError}
 */
export function readPng(file: Buffer): Uint8Array {
  const { width, height, bytes } = readPngHeader(file);
  refuseOtherSize(file, bytes);
  let data: Buffer;
  try {
    ({ data } = PNG.sync.read(file));
  } catch (error) {
    throw new PngError(`It is damaged: ${(error as Error).message}.`);
  }
  if (data.length !== width * height * 4) throw new PngError('It is damaged: pixels are missing.');
  return data;
}

/**
 * pngjs fills what pixels lack with whatever is in memory, and unpacks interlaced pictures without a limit. So they are
 * unpacked here first, and must have all pixels and no more.
 */
function refuseOtherSize(file: Buffer, bytes: number): void {
  const parts: Buffer[] = [];
  for (let at = SIGNATURE.length; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  let found: number;
  try {
    found = inflateSync(Buffer.concat(parts), { maxOutputLength: bytes }).length;
  } catch (error) {
    throw new PngError(`It is damaged: ${(error as Error).message}.`);
  }
  if (found !== bytes) throw new PngError(`It is damaged: ${found} of ${bytes} bytes of pixels are there.`);
}
