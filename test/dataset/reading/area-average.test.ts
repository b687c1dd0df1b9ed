import fc from 'fast-check';
import { expect, it } from 'vitest';
import { resampled } from '../../../src/dataset/reading/area-average.ts';

const grey = (height: number, width: number, pixels: ArrayLike<number>) => ({
  height,
  width,
  channels: 1,
  pixels: Uint8Array.from(pixels),
});

it.each([
  ['halves', grey(2, 4, [0, 100, 7, 8, 50, 50, 9, 10]), 1, 2, [50, 9]],
  ['rounds half up', grey(1, 2, [0, 1]), 1, 1, [1]],
  ['weighs what is covered in part', grey(1, 3, [0, 90, 255]), 1, 2, [30, 200]],
  ['enlarges', grey(1, 2, [10, 20]), 2, 4, [10, 10, 20, 20, 10, 10, 20, 20]],
])('%s', (_, picture, height, width, pixels) => {
  expect([...resampled(picture, height, width).pixels]).toEqual(pixels);
});

it('keeps channels apart', () => {
  const pixels = Uint8Array.of(0, 10, 20, 100, 110, 120);
  expect([...resampled({ height: 1, width: 2, channels: 3, pixels }, 1, 1).pixels]).toEqual([50, 60, 70]);
});

it('is the exact mean of the area, rounded half up', () => {
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(
      side,
      side,
      side,
      side,
      fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      (H, W, h, w, values) => {
        const picture = grey(H, W, [...values.take(H * W)]);
        const { pixels } = resampled(picture, h, w);
        for (let y = 0; y < h; y += 1) {
          for (let x = 0; x < w; x += 1) {
            // On a grid so fine that old and new pixels are whole cells of it: h * H cells high, w * W wide.
            let sum = 0n;
            for (let cy = y * H; cy < (y + 1) * H; cy += 1) {
              for (let cx = x * W; cx < (x + 1) * W; cx += 1) {
                sum += BigInt(picture.pixels[Math.floor(cy / h) * W + Math.floor(cx / w)]!);
              }
            }
            const cells = BigInt(H * W);
            expect(BigInt(pixels[y * w + x]!)).toBe((2n * sum + cells) / (2n * cells));
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});
