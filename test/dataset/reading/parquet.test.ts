import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../src/dataset/reading/memory-budget.ts';
import { openParquet } from '../../../src/dataset/reading/parquet-file.ts';
import { leafPages } from '../../../src/dataset/reading/parquet-pages.ts';
import { kindOf } from '../../../src/dataset/reading/parquet-types.ts';
import { csvFile, fileOf, foreignFile, LIMITS, parquetFile, refused, vegaFile } from './table-files.ts';

const UNREAD = 'day,at,hour,list,record,bytes,fixed';

describe('files of pandas', () => {
  it.each(['none', 'snappy', 'zstd', 'gzip', 'brotli', 'lz4', 'groups-v2', 'plain-crc', 'delta', 'index'])(
    '%s.parquet has the numbers of plain.csv',
    async (name) => {
      const [plain, made] = [
        await csvFile(foreignFile('plain.csv')),
        await parquetFile(foreignFile(`${name}.parquet`)),
      ];
      expect(made.train).toEqual(plain.train);
      expect(made.test).toEqual(plain.test);
      expect(made.classes).toEqual(plain.classes);
      const lower = plain.columns?.map((c) =>
        c.name === 'member' ? { ...c, values: ['false', 'true'] } : c,
      );
      expect(made.columns).toEqual(lower);
      expect(made.options).toMatchObject({ target: 'species', scale: 'standard', test_split: 0.2 });
    },
  );
});

describe('types', () => {
  it('numbers, decimals, booleans and text are read; nulls and NaN are missing', async () => {
    const made = await parquetFile(foreignFile('types.parquet'), {
      drop: `${UNREAD},u64`,
      split_column: 'part',
      scale: 'none',
    });
    const columns = made.columns!.map(({ name, missing }) => [name, missing]);
    expect(columns).toEqual([
      ...['i8', 'u8', 'i16', 'u32'].map((name) => [name, 0]),
      ['i64', 1],
      ['f16', 0],
      ['f32', 0],
      ['f64', 2],
      ['money', 1],
      ['small', 1],
      ['yes', 1],
    ]);
    const row = (values: ArrayLike<number>, r: number) =>
      Array.from(values).slice(r * made.inputs, (r + 1) * made.inputs);
    expect(row(made.train.values, 0)).toEqual(
      [-128, 0, 0, 0, -(2 ** 60), 0, 0, 0.1, 1.1, 0.001, 0, 1].map(Math.fround),
    );
    expect(row(made.test.values, 1)).toEqual(
      [
        127,
        255,
        -25000,
        2 ** 32 - 1,
        2 ** 60,
        1.25,
        5 / 3,
        1e-300,
        (1.1 - 2 + 3 + 4) / 4,
        (0.001 - 2 + 3 + 4) / 4,
        1,
        0,
      ].map(Math.fround),
    );
    expect(made.notes).toContain('Columns without any value are left out: nothing.');
  });

  it('others are refused by name, unless they are left out', async () => {
    const { message, places } = await refused(parquetFile(foreignFile('types.parquet')));
    expect(message).toContain(`?drop=${UNREAD.replace(',bytes', '')} leaves out`);
    expect(places.map(({ column, problem }) => `${column}: ${problem.slice(0, 30)}`)).toEqual([
      'day: The column has dates and times',
      'at: The column has dates and times',
      'hour: The column has dates and times',
      'list: The column has lists or record',
      'record: The column has lists or record',
      'fixed: The column has values of the t',
    ]);
    const bytes = await refused(
      parquetFile(foreignFile('types.parquet'), { drop: UNREAD.replace(',bytes', '') }),
    );
    expect(bytes.message).toContain('column bytes has text that is not UTF-8');
  });

  it('unsigned 64 bits', async () => {
    const made = await parquetFile(foreignFile('types.parquet'), {
      target: 'u64',
      task: 'regression',
      drop: UNREAD,
      test_split: '0.4',
    });
    const { target, train, test } = made;
    if (target?.type !== 'number') throw new Error('no number');
    const found = [...train.targets, ...test.targets].map((t) => t * target.deviation + target.mean);
    expect(Math.max(...found)).toBeGreaterThan(2 ** 63.9);
    expect(Math.min(...found)).toBeGreaterThan(-(2 ** 45));
  });
});

describe('flights-3m.parquet', () => {
  it('has more rows than a dataset may have', async () => {
    expect((await refused(parquetFile(vegaFile('flights-3m.parquet')))).message).toContain('3000000 rows');
  });

  it('is read page by page: all values of all columns', async () => {
    const file = await openParquet(vegaFile('flights-3m.parquet'));
    const found: Record<string, [number, number]> = {};
    for (const leaf of file.leaves) {
      const kind = kindOf(leaf.element);
      let [rows, sum] = [0, 0];
      for await (const { rows: more, values, dictionary } of leafPages(
        file,
        leaf,
        new MemoryBudget(LIMITS.unpackedBytes),
      )) {
        rows += more;
        if (kind.kind !== 'number') continue;
        const words = dictionary === null ? null : kind.toNumbers(dictionary);
        if (words === null) for (const value of kind.toNumbers(values)) sum += value;
        else for (const index of values as Int32Array) sum += words[index]!;
      }
      found[leaf.path.join('.')] = [rows, sum];
    }
    await file.handle.close();
    // As pandas adds them up.
    expect(found).toMatchInlineSnapshot(`
      {
        "date": [
          3000000,
          0,
        ],
        "delay": [
          3000000,
          20003603,
        ],
        "destination": [
          3000000,
          0,
        ],
        "distance": [
          3000000,
          2194861208,
        ],
        "origin": [
          3000000,
          0,
        ],
      }
    `);
  });
});

describe('what a Parquet file is refused for', () => {
  const bytes = () => readFileSync(foreignFile('snappy.parquet'));

  it.each<[string, () => Uint8Array, RegExp]>([
    ['nothing', () => new Uint8Array(0), /not Parquet/],
    ['text', () => Buffer.from('a,b\n1,2\n'), /not Parquet/],
    ['a missing end', () => bytes().subarray(0, -100), /not Parquet/],
    ['a missing start', () => bytes().subarray(100), /damaged/],
    ['encryption', () => Buffer.concat([bytes().subarray(0, -4), Buffer.from('PARE')]), /encrypted/],
    [
      'metadata longer than the file',
      () => Buffer.from('PAR1\xff\xff\xff\x00PAR1', 'latin1'),
      /damaged|metadata/,
    ],
    [
      'a list of 2^31 elements',
      () => Buffer.from('PAR1\x19\xfc\xff\xff\xff\xff\x07\x00\x08\0\0\0PAR1', 'latin1'),
      /metadata cannot be read/,
    ],
  ])('%s', async (_, content, message) => {
    expect((await refused(parquetFile(fileOf(content())))).message).toMatch(message);
  });

  it('a header of a page with values of other types', async () => {
    const file = readFileSync(foreignFile('plain-crc.parquet'));
    // The checksum becomes a number of 64 bits.
    const other = Buffer.concat([file.subarray(0, 11), file.subarray(48)]);
    expect((await refused(parquetFile(fileOf(other)))).message).toContain('the header of a page');
  });

  it('changed bytes, where the file has checksums', async () => {
    const file = readFileSync(foreignFile('plain-crc.parquet'));
    file[200]! ^= 1;
    expect((await refused(parquetFile(fileOf(file)))).message).toContain('CRC-32');
  });

  it('more than the limits, before it is read', async () => {
    const small = { unpackedBytes: 2 ** 10, preparedBytes: 2 ** 12 };
    expect((await refused(parquetFile(foreignFile('zstd.parquet'), {}, small))).message).toContain(
      '150 rows of 6 numbers take',
    );
    expect(
      (await refused(parquetFile(foreignFile('zstd.parquet'), {}, { ...small, preparedBytes: 2 ** 20 })))
        .message,
    ).toContain('1024 bytes unpacked');
  });
});
