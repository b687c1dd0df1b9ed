import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { readDrawing, type Target } from '../../src/serving/drawing.ts';
import { InputError } from '../../src/serving/input-error.ts';

/** A PNG with a grey value for each pixel; undefined = transparent. */
function png(width: number, height: number, grey: (x: number, y: number) => number | undefined): Buffer {
  const picture = new PNG({ width, height });
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const value = grey(x, y);
      picture.data.set(
        [value ?? 0, value ?? 0, value ?? 0, value === undefined ? 0 : 255],
        4 * (y * width + x),
      );
    }
  }
  return PNG.sync.write(picture);
}

const as = (fit: Target['fit']): Target => ({ fit, height: 28, width: 28 });
const at = (pixels: Uint8Array, x: number, y: number) => pixels[y * 28 + x];

/** The box around all pixels that are not black. */
function boxOf(pixels: Uint8Array) {
  const lit = [...pixels.keys()].filter((p) => pixels[p]! > 0);
  const [xs, ys] = [lit.map((p) => p % 28), lit.map((p) => Math.floor(p / 28))];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** A bar of 20 x 100 pixels in the corner of a big picture. */
const isBar = (x: number, y: number) => x >= 10 && x < 30 && y >= 5 && y < 105;

describe('fit=mnist', () => {
  it.each([
    ['black on white', (x: number, y: number) => (isBar(x, y) ? 0 : 255)],
    ['white on black', (x: number, y: number) => (isBar(x, y) ? 255 : 0)],
    ['pale on white', (x: number, y: number) => (isBar(x, y) ? 200 : 255)],
    ['black on nothing', (x: number, y: number) => (isBar(x, y) ? 0 : undefined)],
  ])('makes the drawing white on black in the middle, its height 20, %s', (_, grey) => {
    const pixels = readDrawing(png(300, 200, grey), as('mnist'));
    expect(boxOf(pixels)).toEqual({ left: 13, right: 16, top: 5, bottom: 24 });
    expect(at(pixels, 14, 14)).toBe(255);
  });

  it('keeps grey edges and shape of slanted strokes', () => {
    const pixels = readDrawing(
      png(100, 100, (x, y) => (Math.abs(x - y) < 5 ? 0 : 255)),
      as('mnist'),
    );
    const greys = [...pixels].filter((value) => value > 0 && value < 255);
    expect(greys.length).toBeGreaterThan(20);
    expect(boxOf(pixels)).toEqual({ left: 5, right: 24, top: 5, bottom: 24 });
  });

  it.each([
    ['top', (_x: number, y: number) => y < 90, { top: 8, bottom: 27 }],
    ['left', (x: number) => x < 90, { left: 8, right: 27 }],
    ['foot', (_x: number, y: number) => y > 210, { top: 0, bottom: 19 }],
    ['right', (x: number) => x > 210, { left: 0, right: 19 }],
  ])('cuts nothing off a drawing whose weight is all at its %s', (_, isHeavy, box) => {
    const isThin = (x: number, y: number) => Math.abs(x - 150) < 8 || Math.abs(y - 150) < 8;
    const isInk = (x: number, y: number) =>
      Math.min(x, y) > 50 && Math.max(x, y) < 250 && (isHeavy(x, y) || isThin(x, y));
    const pixels = readDrawing(
      png(300, 300, (x, y) => (isInk(x, y) ? 0 : 255)),
      as('mnist'),
    );
    expect(boxOf(pixels)).toMatchObject(box);
  });

  it('refuses a picture without a drawing', () => {
    expect(() =>
      readDrawing(
        png(50, 50, () => 255),
        as('mnist'),
      ),
    ).toThrow('The picture is empty');
  });
});

it('fit=stretch scales all of the picture, fit=none takes it as it is', () => {
  const left = (width: number) => png(width, width, (x) => (x < width / 2 ? 200 : 20));
  for (const pixels of [readDrawing(left(56), as('stretch')), readDrawing(left(28), as('none'))]) {
    expect([at(pixels, 0, 0), at(pixels, 13, 27), at(pixels, 14, 0)]).toEqual([200, 200, 20]);
  }
  expect(() => readDrawing(left(56), as('none'))).toThrow(
    '56 x 56 pixels; with fit=none it must have 28 x 28',
  );
});

/** The file with other pixels, whose checksums are right: a filter and four bytes a pixel in each line. */
function withPixels(file: Buffer, pixels: Buffer): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const headEnd = 33;
  return Buffer.concat([
    file.subarray(0, headEnd),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('a file', () => {
  const good = png(30, 30, (x) => 8 * x);

  function claiming(width: number, height: number, interlace = 0): Buffer {
    const file = Buffer.from(good);
    file.writeUInt32BE(width, 16);
    file.writeUInt32BE(height, 20);
    file.writeUInt8(interlace, 28);
    return file;
  }

  it.each([
    ['of another format', Buffer.from('GIF89a, not a PNG, but long enough to be one'), 'is a GIF picture'],
    ['that is no picture', Buffer.from('neither a PNG nor a picture, but long enough'), 'is not a PNG'],
    ['of a few bytes', good.subarray(0, 20), 'is not a PNG'],
    ['that is cut off', good.subarray(0, 60), 'cannot be read'],
    ['that claims to be huge', claiming(100_000, 100_000), '100000 x 100000 pixels; at most 4194304'],
    ['with a side that is too long', claiming(4000, 10), '4000 x 10 pixels; at most 2048 x 2048'],
    ['without pixels', claiming(0, 10), 'it has no pixels'],
    ['that claims to be interlaced', claiming(30, 30, 1), 'cannot be read'],
    ['whose pixels stop', withPixels(good, Buffer.alloc(10 * (30 * 4 + 1))), '1210 of 3630 bytes'],
    ['with too many pixels', withPixels(good, Buffer.alloc(10_000)), 'cannot be read'],
    ['whose size is not that of its data', claiming(40, 40), 'cannot be read'],
    [
      'with a wrong checksum',
      Buffer.concat([good.subarray(0, 50), deflateSync(Buffer.alloc(99)), good.subarray(50)]),
      'cannot be read',
    ],
  ])('%s is refused with the reason', (_, file, reason) => {
    const read = () => readDrawing(file, as('mnist'));
    expect(read).toThrow(InputError);
    expect(read).toThrow(reason);
  });
});
