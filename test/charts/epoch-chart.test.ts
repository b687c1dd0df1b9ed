import { describe, expect, it } from 'vitest';
import { drawEpochChart } from '../../src/charts/epoch-chart.ts';
import type { MetricsRow } from '../../src/contract/metrics-list.ts';
import { expectSound, linesOf, textsOf } from './svg.ts';

const rowOf = (epoch: number, changes: Partial<MetricsRow> = {}): MetricsRow => ({
  epoch,
  step: epoch * 1500,
  loss: 1 / epoch,
  accuracy: 1 - 0.5 / epoch,
  val_loss: 1.1 / epoch,
  val_accuracy: 1 - 0.6 / epoch,
  learning_rate: 0.001,
  duration_seconds: 1,
  steps_per_second: 1500,
  seq: epoch + 2,
  created_at: '2026-11-22T10:00:01.022Z',
  ...changes,
});

const rowsOf = (count: number, changes: Partial<MetricsRow> = {}) =>
  Array.from({ length: count }, (_, i) => rowOf(i + 1, changes));

describe('the chart of a job', () => {
  it('has the titles and labels of the reference run', () => {
    const texts = textsOf(drawEpochChart('loss', 'reference run', 'classification', rowsOf(10), 10));
    for (const text of [
      'Cost Function Graph',
      'reference run',
      'Epochs',
      'Loss',
      'Training Loss',
      'Validation Loss',
    ]) {
      expect(texts).toContain(text);
    }
    const accuracy = textsOf(drawEpochChart('accuracy', 'x', 'classification', rowsOf(10), 10));
    for (const text of ['Epochs', 'Accuracy', 'Training Accuracy', 'Validation Accuracy']) {
      expect(accuracy).toContain(text);
    }
  });

  it.each([0, 1, 2, 10, 37, 1000])('is sound with %i epochs', (count) => {
    for (const chart of ['loss', 'accuracy'] as const) {
      const svg = drawEpochChart(chart, 'job', 'classification', rowsOf(count), 10);
      expectSound(svg);
      expect(linesOf(svg).map((path) => path.split(/[ML]/).length - 1)).toEqual(
        count === 0 ? [] : [count, count],
      );
      expect(textsOf(svg).includes('no epochs yet')).toBe(count === 0);
    }
  });

  it.each([
    [1, ['1']],
    [2, ['1', '2']],
    [10, ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']],
    [37, ['1', '5', '10', '15', '20', '25', '30', '35']],
    [1000, ['1', '100', '200', '300', '400', '500', '600', '700', '800', '900', '1000']],
  ])('puts ticks only at whole epochs: %i', (count, marks) => {
    const svg = drawEpochChart('loss', 'job', 'classification', rowsOf(count), 10);
    const labels = [...svg.matchAll(/y2="381"\/><text[^>]*>([^<]*)</g)].map(([, text]) => text);
    expect(labels).toEqual(marks);
  });

  it.each([
    ['all zero', { loss: 0, val_loss: 0 }],
    ['constant', { loss: 0.25, val_loss: 0.25 }],
    ['tiny', { loss: 1e-300, val_loss: 2e-300 }],
    ['huge', { loss: 1e300, val_loss: 9e299 }],
    ['far apart', { loss: 1e-9, val_loss: 1e9 }],
    ['without validation', { val_loss: null, val_accuracy: null }],
    ['perfect', { accuracy: 1, val_accuracy: 1 }],
    ['hopeless', { accuracy: 0, val_accuracy: 0 }],
  ])('is sound with values that are %s', (_name, changes: Partial<MetricsRow>) => {
    for (const count of [1, 10]) {
      for (const chart of ['loss', 'accuracy'] as const) {
        expectSound(drawEpochChart(chart, 'job', 'classification', rowsOf(count, changes), 10));
      }
    }
  });

  it('has one line and one legend entry without validation', () => {
    const svg = drawEpochChart('loss', 'job', 'classification', rowsOf(3, { val_loss: null }), 3);
    expect(linesOf(svg)).toHaveLength(1);
    expect(textsOf(svg)).not.toContain('Validation Loss');
  });

  it('never puts a tick at an accuracy above 1', () => {
    const texts = textsOf(
      drawEpochChart('accuracy', 'job', 'classification', rowsOf(5, { accuracy: 1, val_accuracy: 1 }), 5),
    );
    expect(texts.filter((text) => /^\d+\.\d+$/.test(text) && Number(text) > 1)).toEqual([]);
  });

  it('draws the lower value lower', () => {
    const [training] = linesOf(drawEpochChart('loss', 'job', 'classification', rowsOf(5), 5));
    const heights = [...training!.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
  });

  it('shows any name as plain text, and truncates a long one', () => {
    const evil = '</title><script>alert("1")</script>&amp;\u0000\u001b[31m\ufffe\ud800';
    const svg = drawEpochChart('loss', evil, 'classification', rowsOf(2), 2);
    expectSound(svg);
    expect(svg).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;\ufffd\ufffd[31m');
    const long = textsOf(drawEpochChart('loss', '字'.repeat(200), 'classification', rowsOf(2), 2))[1];
    expect(long).toMatch(/^字{42}…$/);
  });

  it('describes the lines in words', () => {
    const svg = drawEpochChart('loss', 'job', 'classification', rowsOf(2), 2);
    expect(svg).toContain(
      '<desc id="desc">Training Loss: 1 after epoch 1, 0.5 after epoch 2. Validation Loss: 1.1 after epoch 1, 0.55 after epoch 2.</desc>',
    );
  });

  it('says what the job does not measure, and draws no line', () => {
    const numbers = { accuracy: null, val_accuracy: null, mae: 2, val_mae: 3 };
    for (const rows of [rowsOf(0), rowsOf(3, numbers)]) {
      const svg = drawEpochChart('accuracy', 'job', 'regression', rows, 3);
      expectSound(svg);
      expect(linesOf(svg)).toEqual([]);
      expect(textsOf(svg)).toContain('no accuracy: this job predicts a number');
    }
    expect(textsOf(drawEpochChart('mae', 'job', 'classification', rowsOf(3), 3))).toContain(
      'no MAE: this job predicts classes',
    );
    const svg = drawEpochChart('mae', 'job', 'regression', rowsOf(3, numbers), 3);
    expectSound(svg);
    expect(linesOf(svg)).toHaveLength(2);
    expect(textsOf(svg)).toEqual(
      expect.arrayContaining(['Mean Absolute Error Graph', 'MAE', 'Training MAE', 'Validation MAE']),
    );
  });
});
