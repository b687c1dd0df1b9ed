import { describe, expect, it } from 'vitest';
import { type Confusion, drawConfusionChart } from '../../src/charts/confusion-chart.ts';
import { expectSound, textsOf } from './svg.ts';

const confusionOf = (matrix: number[][], labels = matrix.map((_, c) => `c${c}`)): Confusion => ({
  rows: matrix.flat().reduce((sum, count) => sum + count, 0),
  accuracy: 0.875,
  confusion_matrix: matrix,
  classes: labels.map((label) => ({ label })),
});

const square = (n: number, value: (r: number, c: number) => number) =>
  Array.from({ length: n }, (_, r) => Array.from({ length: n }, (_, c) => value(r, c)));

const cellsOf = (svg: string) =>
  [
    ...svg.matchAll(/<rect class="(right|wrong)" x="([\d.]+)" y="([\d.]+)"[^>]* fill-opacity="([\d.]+)"/g),
  ].map(([, kind, x, y, opacity]) => ({ kind, x: Number(x), y: Number(y), opacity: Number(opacity) }));

describe('a confusion matrix', () => {
  it('has the counts, in rows of the true class, and shades of the share of their row', () => {
    const svg = drawConfusionChart(
      'job',
      confusionOf([
        [8, 2],
        [0, 50],
      ]),
    );
    expectSound(svg);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['Confusion Matrix', 'job', 'True class', 'Predicted class', '8', '2', '50']),
    );
    const [a, b, d] = cellsOf(svg);
    expect([a, b, d].map((cell) => cell!.kind)).toEqual(['right', 'wrong', 'right']);
    expect(b!.x).toBeGreaterThan(a!.x);
    expect(b!.y).toBe(a!.y);
    expect(d!.y).toBeGreaterThan(a!.y);
    expect([a!.opacity, b!.opacity, d!.opacity]).toEqual([0.89, 0.45, 1]);
  });

  it('says in words what it shows', () => {
    const svg = drawConfusionChart(
      'job',
      confusionOf(
        [
          [8, 2],
          [0, 50],
        ],
        ['cat', 'dog'],
      ),
    );
    expect(svg).toContain(
      '<desc id="desc">87.5 % of 60 test rows are right. cat: 8 of 10 right, most often taken for dog (2). dog: 50 of 50 right.</desc>',
    );
  });

  it.each([2, 10, 17, 18, 100, 256])('is sound with %i classes, and has counts where there is room', (n) => {
    const svg = drawConfusionChart('job', confusionOf(square(n, (r, c) => (r === c ? 9 : 1))));
    expectSound(svg);
    expect(cellsOf(svg)).toHaveLength(n * n);
    expect(textsOf(svg).includes('9')).toBe(n <= 17);
    expect(svg.length).toBeLessThan(6_000_000);
  });

  it('is sound with classes without rows, and with any name', () => {
    const labels = ['</desc><script>&"\u0000', '字'.repeat(100), 'W'.repeat(300), ''];
    const svg = drawConfusionChart(
      '<x>'.repeat(60),
      confusionOf(
        square(4, (r) => (r === 1 ? 0 : 1)),
        labels,
      ),
    );
    expectSound(svg);
    expect(cellsOf(svg)).toHaveLength(12);
    expect(svg).toContain(': 0 of 0 right.');
  });
});
