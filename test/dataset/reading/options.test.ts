import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CsvOptionsSchema, ParquetOptionsSchema } from '../../../src/dataset/reading/options.ts';

describe('query options of tables', () => {
  it('are converted from text', () => {
    expect(CsvOptionsSchema.parse({})).toEqual({});
    expect(
      CsvOptionsSchema.parse({
        test_split: '0.25',
        drop: 'a, b,,a',
        header: 'false',
        target: '3',
        scale: 'minmax',
      }),
    ).toEqual({ test_split: 0.25, drop: ['a', 'b'], header: false, target: '3', scale: 'minmax' });
  });

  it.each([
    { test_split: '0' },
    { test_split: '1' },
    { test_split: '1e-1' },
    { test_split: '' },
    { header: 'yes' },
    { delimiter: '|' },
    { target: '' },
    { target: ['a', 'b'] },
    { task: 'clustering' },
    { split_column: 'part', test_split: '0.2' },
    { unknown: '1' },
  ])('%j is refused', (query) => {
    expect(CsvOptionsSchema.safeParse(query).success).toBe(false);
  });

  it('are described for the API', () => {
    const { properties } = z.toJSONSchema(CsvOptionsSchema, { io: 'input', unrepresentable: 'any' });
    expect(Object.keys(properties!).sort()).toEqual(
      [
        'decimal',
        'delimiter',
        'drop',
        'header',
        'scale',
        'split_column',
        'target',
        'task',
        'test_split',
      ].sort(),
    );
    for (const property of Object.values(properties!))
      expect((property as { description?: string }).description).toMatch(/\.$/);
  });

  it('those of CSV files are not those of Parquet files', () => {
    expect(ParquetOptionsSchema.safeParse({ delimiter: 'comma' }).success).toBe(false);
    expect(ParquetOptionsSchema.parse({ split_column: 'part' })).toEqual({ split_column: 'part' });
  });
});
