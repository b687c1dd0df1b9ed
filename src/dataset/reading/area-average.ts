/** A picture, (height, width, channels), 0 to 255. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/**
 * A picture of another size: each new pixel is the mean of the area that it covers, rounded, half up. In integers:
 * lengths are counted in 1/width and 1/height of an old pixel, so that nothing but the division at the end is rounded.
 * Sums stay below 255 * 2 * 2^24 * 2, and the quotient is at least 2^-26 away from the next integer, or exact:
 * Math.floor is right.
 */
export function resampled(picture: Picture, height: number, width: number): Picture {
  const { channels, pixels } = picture;
  if (picture.height === height && picture.width === width) return picture;
  const columns = covered(picture.width, width);
  const rows = covered(picture.height, height);
  const area = picture.height * picture.width;
  const result = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let c = 0; c < channels; c += 1) {
        let sum = 0;
        for (const [row, tall] of rows[y]!) {
          let line = 0;
          for (const [column, wide] of columns[x]!) {
            line += pixels[(row * picture.width + column) * channels + c]! * wide;
          }
          sum += line * tall;
        }
        result[(y * width + x) * channels + c] = Math.floor((2 * sum + area) / (2 * area));
      }
    }
  }
  return { height, width, channels, pixels: result };
}

/** For each of `to` new pixels in a line: the old ones that it covers, and how much of them, in 1/to. */
function covered(from: number, to: number): [number, number][][] {
  return Array.from({ length: to }, (_, x) => {
    const [start, end] = [x * from, (x + 1) * from];
    const parts: [number, number][] = [];
    for (let k = Math.floor(start / to); k * to < end; k += 1) {
      parts.push([k, Math.min(end, (k + 1) * to) - Math.max(start, k * to)]);
    }
    return parts;
  });
}
