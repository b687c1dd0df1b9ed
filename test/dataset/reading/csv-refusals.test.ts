import { describe, expect, it } from 'vitest';
import { CsvRows } from '../../../src/dataset/reading/csv-rows.ts';
import { MemoryBudget } from '../../../src/dataset/reading/memory-budget.ts';
import { csv, csvFile, fileOf, LIMITS, refused } from './table-files.ts';

const good = (count: number, from = 0) =>
  Array.from({ length: count }, (_, k) => `${from + k},${k % 2 ? 'u' : 'v'}\n`).join('');

describe('what a CSV file is refused for', () => {
  it.each<[string, string | Uint8Array, Record<string, string>, RegExp]>([
    ['nothing', '', {}, /no rows/],
    ['blank lines only', '\n\n  \n', {}, /no rows/],
    ['names only', 'a,b\n', {}, /only the names/],
    ['one column', 'a\n1\n2\n', {}, /one column only/],
    ['another delimiter', 'a|b\n1|2\n', {}, /one column only/],
    ['a ZIP archive', Buffer.from('PK\x03\x04 and more'), {}, /ZIP archive/],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), {}, /gzip/],
    ['Parquet', 'PAR1....', {}, /format=parquet/],
    ['UTF-16 without a mark', Buffer.from('a,b\n1,2\n', 'utf16le'), {}, /not UTF-8 text: line 1/],
    ['one class', `a,b\n1,u\n2,u\n3,u\n4,u\n5,u\n`, {}, /nothing to tell apart/],
    ['one number as target', `a,b\n${good(30).replaceAll(/[uv]/g, '0.5')}`, {}, /nothing to learn/],
    ['too few rows to test', 'a,b\n1,u\n2,v\n', {}, /none is left for the test rows/],
    ['two columns of a name', 'a,a,b\n1,2,u\n', { header: 'true' }, /Columns 1 and 2 have the same name/],
    ['an unknown target', `a,b\n${good(9)}`, { target: 'c' }, /names the column c, .* It has a, b;/],
    ['a column number behind the last', `a,b\n${good(9)}`, { target: '3' }, /names the column 3/],
    ['an unknown column to drop', `a,b\n${good(9)}`, { drop: 'c' }, /drop names the column c/],
    ['a target that is dropped', `a,b\n${good(9)}`, { target: 'b', drop: 'b' }, /left out/],
    ['no input left', `a,b\n${good(9)}`, { drop: 'a' }, /Only the target/],
    ['all dropped', `a,b\n${good(9)}`, { drop: 'a,b' }, /All 2 columns are left out/],
    ['text as a number to predict', `a,b\n${good(9)}`, { task: 'regression' }, /cannot be used: b/],
    ['target and split alike', `a,b\n${good(9)}`, { target: 'b', split_column: 'b' }, /same column/],
    ['commas and points', 'a;b\n1,5;u\n2.5;v\n3;u\n4;v\n', {}, /not clear which is the decimal/],
    ['inputs without any value', `a,b\n${good(9).replaceAll(/\d+/g, '')}`, {}, /No column but the target/],
  ])('%s', async (_, content, query, message) => {
    expect((await refused(csv(content, query))).message).toMatch(message);
  });

  it('missing targets, by line: ten of them', async () => {
    const { message, places } = await refused(csv(`a,b\n${good(3)}${'7,\n'.repeat(30)}`));
    expect(message).toContain('rows that cannot be used');
    expect(places).toHaveLength(10);
    expect(places[0]).toEqual({
      line: 5,
      column: 'b',
      found: '',
      problem: expect.stringContaining('target is missing'),
    });
    expect(places[9]).toMatchObject({ line: 14 });
    expect((await refused(csv(`a,b\n${good(3)}7,NA\n`))).places).toMatchObject([{ line: 5, found: 'NA' }]);
  });

  it('lines with too many or too few fields, and infinite numbers', async () => {
    const { places } = await refused(csv(`a,b\n${good(3)}1\n1,2,3\n-Infinity,u\n1e999,v\n`));
    expect(places).toMatchObject([
      { line: 5, found: '1 field', problem: expect.stringContaining('has 2') },
      { line: 6, found: '3 fields', problem: expect.stringContaining('in quotes') },
      { line: 7, column: 'a', found: '-Infinity' },
      { line: 8, column: 'a', found: '1e999' },
    ]);
  });

  it('tells the line where a record starts, behind line breaks in quotes and blank lines', async () => {
    const text = `a,b\n1,"x\r\ny"\n\n2,"x\n\ny"\r\n\r\n3,"z\rz"\n4,\n5,"x\r\ny",\n6,u\n`;
    const { places } = await refused(csv(text));
    expect(places.map(({ line }) => line)).toEqual([11, 12]);
  });

  it.each([
    ['a quote in a field', 'a,b\n1,u\n2,5" pipe\n3,u\n', 3, /within a field/],
    ['text behind a quote', 'a,b\n1,"u"x\n', 2, /within a field/],
    ['a quote that is never closed', `a,b\n1,"u\n${good(9)}`, 2, /never closed/],
  ])('%s', async (_, text, line, problem) => {
    expect((await refused(csv(text))).places).toMatchObject([
      { line, problem: expect.stringMatching(problem) },
    ]);
  });

  it('text of more than 100 values: names the columns, and how to leave them out', async () => {
    const rows = Array.from({ length: 150 }, (_, k) => `id${k},${k % 7},n${k},${k % 2 ? 'u' : 'v'}\n`).join(
      '',
    );
    const error = await refused(csv(`id,x,name,class\n${rows}`));
    expect(error.message).toContain('2 columns cannot be used: id, name. ?drop=id,name leaves out');
    expect(error.places[0]).toMatchObject({
      line: 102,
      column: 'id',
      found: 'id100',
      problem: expect.stringContaining('drop=id'),
    });
    expect(await csv(`id,x,name,class\n${rows}`, { drop: 'id,name' })).toMatchObject({ inputs: 1 });
  });

  it('long texts', async () => {
    const { places } = await refused(csv(`a,b\n${'word '.repeat(120)},u\n${good(9)}`));
    expect(places).toMatchObject([
      {
        line: 2,
        found: expect.stringMatching(/^word .{72}\.\.\.$/),
        problem: expect.stringContaining('a text of more than 500 characters'),
      },
    ]);
  });

  it('a text among many numbers: shows it', async () => {
    const { places } = await refused(csv(`a,b\n${good(200)}oops,u\n${good(200)}`));
    expect(places).toMatchObject([
      { line: 202, column: 'a', found: 'oops', problem: expect.stringContaining('Other lines have numbers') },
    ]);
  });

  it('a line of units below the names: shows it', async () => {
    const { places } = await refused(csv(`a,b\nmm,kind\n${good(200)}`));
    expect(places).toMatchObject([
      { line: 2, column: 'a', found: 'mm', problem: expect.stringContaining('Other lines have numbers') },
    ]);
  });

  it('a text among few numbers makes a column of texts', async () => {
    const made = await csv(
      `a,b\n${good(20).replaceAll(/^(\d+)/gm, (n) => `${Number(n) % 3}`)}none,u\n${good(10).replaceAll(/^(\d+)/gm, '1.0')}`,
    );
    expect(made.columns).toMatchObject([{ name: 'a', type: 'text', values: ['0', '1', '1.0', '2', 'none'] }]);
  });

  it('bytes that are not UTF-8 far into the file, by line', async () => {
    const text = Buffer.from(`a,b\n${good(60_000)}`);
    const at = text.indexOf('\n', 400_000) + 1;
    text[at] = 0xe9;
    const line = text.subarray(0, at).toString().split('\n').length;
    expect((await refused(csv(text))).places).toMatchObject([
      { line, problem: expect.stringContaining('iconv') },
    ]);
  });

  it('characters that lie across two chunks are no fault', async () => {
    for (const shift of [0, 1, 2, 3]) {
      const head = `a,b\n${'x'.repeat(shift)}é,u\n`;
      const rows = '€,u\n𝄞,v\n'.repeat(60_000);
      expect((await csv(head + rows)).columns).toMatchObject([{ type: 'text', values: { length: 3 } }]);
    }
  });
});

describe('limits, before memory is taken', () => {
  const small = { unpackedBytes: 2 ** 20, preparedBytes: 2 ** 20 };

  it.each<[string, string, RegExp]>([
    ['one endless line', 'x'.repeat(2 ** 24), /more than 8388608 bytes/],
    ['one endless field in quotes', `a,b\n1,"${'x\n'.repeat(2 ** 23)}`, /more than 8388608 bytes/],
    ['a line of delimiters', `${','.repeat(2 ** 24)}\n`, /more than 40000 columns|more than 8388608 bytes/],
    ['delimiters between line breaks in quotes', '"\n",,,,,,,,'.repeat(2 ** 20), /more than|quote/],
    [
      '20,001 inputs',
      `${Array.from({ length: 20_002 }, (_, k) => `c${k}`).join(',')}\n${'1,'.repeat(20_001)}u\n`,
      /20001 numbers/,
    ],
  ])('%s', async (_, text, message) => {
    const { message: found, places } = await refused(csv(text));
    expect(`${found} ${places[0]?.problem}`).toMatch(message);
  });

  it('rows that take too much', async () => {
    const path = fileOf(`a,b,c,d,e,f,g,h\n${'0.123456,1.5,2,3,4,5,6,7\n'.repeat(60_000)}`);
    expect((await refused(csvFile(path, {}, { ...small, unpackedBytes: 2 ** 28 }))).message).toMatch(
      /take \d+ bytes; at most 1048576/,
    );
    expect(
      (await refused(csvFile(path, {}, { unpackedBytes: 2 ** 19, preparedBytes: 2 ** 28 }))).message,
    ).toContain('524288 bytes unpacked');
  });

  it('texts are counted while they are read, those of columns with too many left aside', async () => {
    const names = Array.from({ length: 401 }, (_, k) => `c${k}`).join(',');
    const rows = (texts: number) =>
      Array.from({ length: 120 }, (_, r) => `${`t${r % texts},`.repeat(400)}${r % 2 ? 'u' : 'v'}\n`).join('');
    expect((await refused(csv(`${names}\n${rows(60)}`))).message).toContain('20001 numbers');
    expect((await refused(csv(`${names}\n${rows(120)}`))).message).toContain('20001 numbers');
    const some = rows(120).replaceAll(/(?:t\d+,){250}/g, '1,'.repeat(250));
    expect((await refused(csv(`${names}\n${some}`))).message).toContain('150 columns cannot be used');
  });

  it('more than 2^21 rows', () => {
    const rows = new CsvRows({ written: 'point' }, LIMITS, new MemoryBudget(LIMITS.unpackedBytes));
    rows.accept(['a', 'b'], 1);
    const fields = ['1', 'u'];
    for (let row = 0; row < 2 ** 21; row += 1) rows.accept(fields, row + 2);
    expect(() => rows.accept(fields, 2 ** 21 + 2)).toThrow('more than 2097152 rows');
  });

  it('one-hot columns count as many inputs as they have texts', async () => {
    const rows = Array.from({ length: 5000 }, (_, k) => `t${k % 100},${k % 2 ? 'u' : 'v'}\n`).join('');
    expect((await refused(csv(`a,b\n${rows}`, {}, small))).message).toContain(
      '5000 rows of 100 numbers take',
    );
  });
});
