import { describe, expect, it } from 'vitest';
import { COLOURS, colourOf } from '../../src/charts/colours.ts';
import { type ComparedCurve, drawComparisonChart } from '../../src/charts/comparison-chart.ts';
import type { ChartScale } from '../../src/contract/comparison.ts';
import { newJobId } from '../store/open-store.ts';
import { expectSound, linesOf, textsOf } from './svg.ts';

const jobOf = (name: string | null, values: readonly number[], id = newJobId()): ComparedCurve => ({
  id,
  name,
  epochs: 10,
  points: values.map((y, i) => ({ x: i + 1, y })),
});

const falling = (count: number) => Array.from({ length: count }, (_, i) => 1 / (i + 1));

const many = (count: number) => Array.from({ length: count }, (_, j) => jobOf(`job ${j}`, falling(10 + j)));

const SCALES: readonly ChartScale[] = ['linear', 'log'];

describe.each(SCALES)('a chart of several jobs on a %s axis', (scale) => {
  it.each([1, 2, 10, 50])('is sound and has a line and a legend entry for each of %i', (count) => {
    const svg = drawComparisonChart('loss', scale, many(count));
    expectSound(svg);
    expect(linesOf(svg)).toHaveLength(count);
    for (let j = 0; j < count; j += 1) expect(textsOf(svg)).toContain(`job ${j}`);
  });

  it.each([
    ['nothing', []],
    ['one value', [0.5]],
    ['zeros', [0, 0, 0]],
    ['equal ones', [0.25, 0.25]],
    ['nearly equal ones', [0.25, 0.2500001]],
    ['ones within a decade', [0.2, 0.9]],
    ['ones within two decades', [0.02, 0.9]],
    ['tiny ones', [1e-300, 2e-300]],
    ['huge ones', [1e300, 9e299]],
    ['ones far apart', [1e-300, 1e300]],
    ['the smallest and the largest of float32', [1.4e-45, 3.4e38]],
    ['what is perfect', [1, 1]],
  ])('is sound with %s', (_name, values) => {
    for (const curve of ['loss', 'val_accuracy'] as const) {
      const possible = curve === 'loss' ? values : values.filter((value) => value <= 1);
      const jobs = [jobOf('a', possible), jobOf('b', [])];
      expectSound(drawComparisonChart(curve, scale, jobs));
      expectSound(drawComparisonChart(curve, scale, [...jobs, jobOf('c', [1, 0.1, 0.01])]));
    }
  });

  it('says that there is nothing to draw', () => {
    const svg = drawComparisonChart('val_loss', scale, [jobOf('a', []), jobOf('b', [])]);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['no values', 'a (no values)', 'b (no values)']));
    expect(svg).toContain('<desc id="desc">a: no values. b: no values.</desc>');
  });

  it('shows any name as plain text, and a long one without its middle', () => {
    const evil = '</title><script>alert("1")</script>&amp;\u0000\ud800';
    const long = `start ${'字W@'.repeat(100)} end`;
    const svg = drawComparisonChart('loss', scale, [jobOf(evil, [1]), jobOf(long, [2])]);
    expectSound(svg);
    expect(svg).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;\ufffd\ufffd');
    expect(textsOf(svg).some((text) => /^start .{9,80}… ?.{9,80} end$/u.test(text))).toBe(true);
  });
});

describe('a log axis', () => {
  it('has equal steps for equal ratios, and ticks that say the values', () => {
    const svg = drawComparisonChart('loss', 'log', [jobOf('a', [1, 0.1, 0.01]), jobOf('b', [0.0001])]);
    const heights = [...linesOf(svg)[0]!.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights[1]! - heights[0]!).toBeCloseTo(heights[2]! - heights[1]!, 5);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['1', '0.1', '0.01', '0.001', '1e-4', 'Loss (log scale)']),
    );
  });

  it('leaves out what it has no place for, and says so', () => {
    const said = 'Values of 0 or less are left out: a log axis has no place for them.';
    const jobs = [jobOf('a', [0.5, 0, 0.25, -1]), jobOf('b', [0])];
    const log = drawComparisonChart('loss', 'log', jobs);
    expect(linesOf(log).map((path) => path.split(/[ML]/).length - 1)).toEqual([2]);
    expect(textsOf(log)).toEqual(expect.arrayContaining([said, 'b (no values)']));
    expect(log).toMatch(new RegExp(`<desc id="desc">.*b: no values\\. ${said}</desc>`));
    expect(drawComparisonChart('loss', 'linear', jobs)).not.toContain(said);
    expect(drawComparisonChart('loss', 'log', [jobOf('a', [1])])).not.toContain(said);
    expect(textsOf(drawComparisonChart('loss', 'log', [jobOf('b', [0])]))).toContain('no values above 0');
  });
});

describe('the colour of a job', () => {
  const lookIn = (jobs: ComparedCurve[], j: number) =>
    /<g class="(c\d)"><title>[^<]*<\/title><path class="line" stroke-dasharray="([^"]*)"/.exec(
      drawComparisonChart('loss', 'linear', jobs)
        .split('\n')
        .filter((line) => line.includes('<circle'))[j]!,
    )!;

  it('is the same in every picture, and jobs of one colour differ by their dashes', () => {
    const jobs = many(50);
    for (const [j, job] of jobs.entries()) {
      const [, colour] = lookIn(jobs, j);
      expect(lookIn([jobOf('other', [1]), job], 1)[1]).toBe(colour);
      expect(colour).toBe(`c${colourOf(job.id)}`);
    }
    const looks = jobs.slice(0, 12).map((_, j) => lookIn(jobs, j).slice(1).join());
    const first = looks.filter((look) => look.startsWith(looks[0]!.split(',')[0]!));
    expect(new Set(first).size).toBe(Math.min(first.length, 6));
  });

  it('uses all colours about equally', () => {
    const counts = new Array<number>(COLOURS.length).fill(0);
    for (let n = 0; n < 7000; n += 1) counts[colourOf(newJobId())]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(800);
  });
});

/** Red, green and blue as light, 0 to 1. */
const lightOf = (colour: string): number[] =>
  [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });

const times = (matrix: readonly (readonly number[])[], v: readonly number[]): number[] =>
  matrix.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, factor, k) => sum + factor * v[k]!, 0),
      ),
    ),
  );

/** How each kind of eye sees light: normal ones, and those without one kind of cone (Machado 2009). */
const EYES = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152, 1.053, -0.205],
    [0.115, 0.786, 0.099],
    [-0.004, -0.048, 1.052],
  ],
  deuteranopia: [
    [0.367, 0.861, -0.228],
    [0.28, 0.673, 0.047],
    [-0.012, 0.043, 0.969],
  ],
  tritanopia: [
    [1.256, -0.077, -0.179],
    [-0.078, 0.931, 0.148],
    [0.005, 0.691, 0.304],
  ],
};

/** Coordinates in which distances are about as large as they look (Oklab). */
function seen([r, g, b]: number[]): number[] {
  const cones = [
    0.4122 * r! + 0.5363 * g! + 0.0515 * b!,
    0.2119 * r! + 0.6807 * g! + 0.1074 * b!,
    0.0883 * r! + 0.2817 * g! + 0.63 * b!,
  ].map(Math.cbrt);
  return [
    0.2105 * cones[0]! + 0.7936 * cones[1]! - 0.0041 * cones[2]!,
    1.978 * cones[0]! - 2.4286 * cones[1]! + 0.4506 * cones[2]!,
    0.0259 * cones[0]! + 0.7828 * cones[1]! - 0.8087 * cones[2]!,
  ];
}

describe.each([
  ['light', '#ffffff'],
  ['dark', '#0d1117'],
] as const)('on a %s background', (background, card) => {
  const colours = COLOURS.map((colour) => lightOf(colour[background]));
  const luminance = ([r, g, b]: number[]) => 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;

  it('every colour has the contrast that WCAG asks of graphics', () => {
    for (const colour of colours) {
      const [low, high] = [luminance(colour), luminance(lightOf(card))].sort((a, b) => a - b);
      expect((high! + 0.05) / (low! + 0.05)).toBeGreaterThanOrEqual(3);
    }
  });

  it.each(Object.entries(EYES))('eyes with %s vision tell all colours apart', (_name, matrix) => {
    for (const [i, one] of colours.entries()) {
      for (const other of colours.slice(0, i)) {
        const [a, b] = [one, other].map((colour) => seen(times(matrix, colour)));
        expect(Math.hypot(...a!.map((value, k) => value - b![k]!))).toBeGreaterThan(0.1);
      }
    }
  });
});
