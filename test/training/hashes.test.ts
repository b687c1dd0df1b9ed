import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';

const sha256 = (hex: string) => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');

describe('weightsSha256', () => {
  it('hashes float32 little-endian', () => {
    // 1 = 3f800000, -2 = c0000000, 2^-149 = 00000001, -0 = 80000000
    const weights = Float32Array.of(1, -2, 2 ** -149, -0);
    expect(weightsSha256(weights)).toBe(sha256('0000803f000000c00100000000000080'));
  });

  it('hashes only the view, not the buffer behind it', () => {
    expect(weightsSha256(Float32Array.of(9, 1, 9).subarray(1, 2))).toBe(sha256('0000803f'));
  });
});

describe('metricsSha256', () => {
  const row = {
    epoch: 1,
    step: 8,
    loss: 1,
    accuracy: 0.5,
    val_loss: -2,
    val_accuracy: 0.25,
    mae: null,
    val_mae: null,
    learning_rate: 2,
  };

  it('hashes five numbers per epoch as float64 little-endian', () => {
    // 1 = 3ff0..., 0.5 = 3fe0..., -2 = c000..., 0.25 = 3fd0..., 2 = 4000...
    const words = '000000000000f03f000000000000e03f00000000000000c0000000000000d03f0000000000000040';
    expect(metricsSha256([row], 'classification')).toBe(sha256(words));
    expect(metricsSha256([row, row], 'classification')).toBe(sha256(words + words));
    expect(metricsSha256([], 'classification')).toBe(sha256(''));
  });

  it('hashes the errors of a number in place of accuracies', () => {
    const numbers = { ...row, accuracy: null, val_accuracy: null, mae: 0.5, val_mae: 0.25 };
    expect(metricsSha256([numbers], 'regression')).toBe(metricsSha256([row], 'classification'));
  });

  it('hashes null as the canonical NaN', () => {
    const words = '000000000000f03f000000000000e03f000000000000f87f000000000000f87f0000000000000040';
    expect(metricsSha256([{ ...row, val_loss: null, val_accuracy: null }], 'classification')).toBe(
      sha256(words),
    );
  });

  it('leaves out times, epoch and step', () => {
    const timed = { ...row, epoch: 2, step: 9, duration_seconds: 3, steps_per_second: 4 };
    expect(metricsSha256([timed], 'classification')).toBe(metricsSha256([row], 'classification'));
  });
});
