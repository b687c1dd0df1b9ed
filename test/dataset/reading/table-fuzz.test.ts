import { readFileSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MadeDataset } from '../../../src/dataset/reading/made-dataset.ts';
import { DatasetRefusedError } from '../../../src/dataset/reading/refusal.ts';
import { csvFile, fileOf, foreignFile, irisCsv, LIMITS, parquetFile } from './table-files.ts';

/** Any bytes give a dataset or a DatasetRefusedError, never anything else. */

type Read = (path: string, query?: Record<string, string>) => Promise<MadeDataset>;

async function sound(read: Read, bytes: Uint8Array, query: Record<string, string> = {}): Promise<void> {
  const path = fileOf(bytes);
  try {
    const made = await read(path, query);
    expect(made.train.values).toHaveLength(made.train.rows * made.inputs);
    expect(made.test.targets).toHaveLength(made.test.rows);
    expect(made.train.values.every(Number.isFinite)).toBe(true);
    expect(made.test.targets.every((target) => made.classes === null || target < made.classes.length)).toBe(
      true,
    );
    expect(made.train.rows * made.inputs * 4).toBeLessThanOrEqual(LIMITS.preparedBytes);
  } catch (error) {
    if (!(error instanceof DatasetRefusedError)) throw error;
    expect(error.message.length).toBeLessThan(3000);
    expect(error.message).toMatch(/^[A-Z0-9].*\.?/s);
  } finally {
    rmSync(path);
  }
}

/** Some bytes of a file replaced, removed or doubled. */
const mutations = (length: number) =>
  fc.array(
    fc.record({
      at: fc.nat({ max: length - 1 }),
      kind: fc.constantFrom('set', 'flip', 'remove', 'double'),
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 10, 34, 44, 127, 128, 255)),
      count: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 6 },
  );

interface Mutation {
  readonly at: number;
  readonly kind: string;
  readonly byte: number;
  readonly count: number;
}

function mutated(file: Buffer, changes: readonly Mutation[]): Buffer {
  let bytes = Buffer.from(file);
  for (const { at, kind, byte, count } of changes) {
    if (kind === 'set') bytes[at % bytes.length] = byte;
    else if (kind === 'flip') bytes[at % bytes.length]! ^= 1 << (byte % 8);
    else if (kind === 'remove') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)]);
    else bytes = Buffer.concat([bytes.subarray(0, at + count), bytes.subarray(at)]);
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}

describe('CSV', () => {
  const field = fc.oneof(
    fc.constantFrom(
      '',
      '1',
      '2.5',
      '1,5',
      'NA',
      '"',
      '""',
      '"a,b"',
      '"a\nb"',
      'x',
      'inf',
      '-',
      '1e400',
      ' 3 ',
      'é',
      '\0',
    ),
    fc.integer().map(String),
    fc.string({ maxLength: 5 }),
  );
  const text = fc
    .tuple(
      fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 30 }),
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n', '\r'),
    )
    .map(([rows, delimiter, end]) => rows.map((row) => row.join(delimiter)).join(end));
  const query = fc.record(
    {
      target: fc.constantFrom('1', '2', 'x', 'species'),
      task: fc.constantFrom('classification', 'regression'),
      scale: fc.constantFrom('none', 'minmax', 'standard'),
      header: fc.constantFrom('true', 'false'),
      delimiter: fc.constantFrom('comma', 'semicolon', 'tab'),
      decimal: fc.constantFrom('comma', 'point'),
      drop: fc.constantFrom('1', 'x,y', '3'),
      test_split: fc.constantFrom('0.5', '0.01', '.9'),
    },
    { requiredKeys: [] },
  );

  it('made at random', async () => {
    await fc.assert(
      fc.asyncProperty(text, query, (found, options) => sound(csvFile, Buffer.from(found), options)),
      { numRuns: 600 },
    );
  });

  it('any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), (bytes) => sound(csvFile, bytes)),
      { numRuns: 300 },
    );
  });

  it.each([
    ['iris', Buffer.from(irisCsv())],
    ['plain.csv', readFileSync(foreignFile('plain.csv'))],
  ])('%s with changes', async (_, file) => {
    await fc.assert(
      fc.asyncProperty(mutations(file.length), query, (changes, options) =>
        sound(csvFile, mutated(file, changes), options),
      ),
      { numRuns: 200 },
    );
  });
});

describe('Parquet', () => {
  it('any bytes between its marks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 220 }), (bytes, length) => {
        const tail = Buffer.alloc(4);
        tail.writeUInt32LE(length);
        return sound(parquetFile, Buffer.concat([Buffer.from('PAR1'), bytes, tail, Buffer.from('PAR1')]));
      }),
      { numRuns: 300 },
    );
  });

  it.each(['none', 'snappy', 'zstd', 'gzip', 'brotli', 'lz4', 'groups-v2', 'plain-crc', 'delta', 'types'])(
    '%s.parquet with changes',
    async (name) => {
      const file = readFileSync(foreignFile(`${name}.parquet`));
      const query = name === 'types' ? { drop: 'day,at,hour,list,record,bytes,fixed,part' } : {};
      await fc.assert(
        fc.asyncProperty(mutations(file.length), (changes) =>
          sound(parquetFile, mutated(file, changes), query),
        ),
        { numRuns: 150 },
      );
    },
  );
});
