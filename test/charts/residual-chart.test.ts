import { expect, it } from 'vitest';
import { drawResidualChart, type Residuals } from '../../src/charts/residual-chart.ts';
import { expectSound, textsOf } from './svg.ts';

const chart = (changes: Partial<Residuals> = {}) =>
  drawResidualChart('a <job>', {
    rows: 10,
    mae: 0.75,
    rmse: 1.25,
    r2: 0.5,
    residuals: { edges: [-2, -1, 0, 1], counts: [3, 0, 7] },
    ...changes,
  });

const barsOf = (svg: string) => [...svg.matchAll(/<rect class="bar"[^>]*>/g)].map(([bar]) => bar);

it('draws a bar for each bin that has rows, and where there is no error', () => {
  const svg = chart();
  expectSound(svg);
  expect(barsOf(svg)).toHaveLength(2);
  expect(svg).toContain('class="zero"');
  expect(textsOf(svg)).toEqual(
    expect.arrayContaining(['Residuals', 'Actual - Predicted', 'Test Rows', 'a &lt;job&gt;']),
  );
  expect(svg).toContain('10 test rows: MAE 0.75, RMSE 1.25, R² 0.5. Residuals from -2 to 1.');
});

it.each([
  [[-0.5, 0.5], [4]],
  [
    [3e-9, 4e-9, 5e-9],
    [1, 2],
  ],
  [
    [1e12, 2e12, 3e12],
    [1e5, 1],
  ],
  [[5, 5.000001], [1]],
])('is sound with the edges %j', (edges, counts) => {
  const svg = chart({ r2: null, residuals: { edges, counts } });
  expectSound(svg);
  expect(barsOf(svg)).toHaveLength(counts.length);
  expect(svg.includes('class="zero"')).toBe(edges[0]! <= 0);
  expect(svg).not.toContain('R²');
});
