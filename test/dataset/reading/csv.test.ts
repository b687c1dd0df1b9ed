import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { csv, csvFile, foreignFile, inputsAt, refused } from './table-files.ts';

const ROWS = 'a,b,class\n1,x,u\n2,y,v\n3,x,u\n4,y,v\n5,x,u\n6,x,v\n7,y,u\n8,y,v\n9,x,u\n10,y,v\n';

/** As many rows as a split needs, alike but for a number. */
const rowsOf = (line: (k: number) => string, count = 10) =>
  Array.from({ length: count }, (_, k) => `${line(k)}\n`).join('');

describe('what is inferred', () => {
  it('names, delimiter, types, target, and all of it is said', async () => {
    const made = await csv(ROWS);
    expect(made).toMatchObject({
      kind: 'table',
      task: 'classification',
      inputs: 3,
      image: null,
      outputs: 2,
      classes: ['u', 'v'],
      storage: 'f32',
      target: { name: 'class', type: 'class' },
      options: {
        header: true,
        delimiter: 'comma',
        decimal: 'point',
        target: 'class',
        task: 'classification',
        scale: 'standard',
        drop: [],
        test_split: 0.2,
        split_column: null,
      },
      notes: ['The target is the last column, class: ?target= names another.'],
    });
    expect(made.columns).toMatchObject([
      { name: 'a', type: 'number', missing: 0 },
      { name: 'b', type: 'text', values: ['x', 'y'], missing: 0 },
    ]);
    expect([made.train.rows, made.test.rows]).toEqual([8, 2]);
  });

  it.each([
    ['semicolons', ROWS.replaceAll(',', ';')],
    ['tabs', ROWS.replaceAll(',', '\t')],
    ['CRLF', ROWS.replaceAll('\n', '\r\n')],
    ['CR', ROWS.replaceAll('\n', '\r')],
    ['several line ends', ROWS.replace('\n', '\r\n').replace('u\n', 'u\r')],
    ['a byte order mark', `\uFEFF${ROWS}`],
    ['blank lines', `\n\n${ROWS.replaceAll('\n', '\n\n')}   \n`],
    ['lines without values', `${ROWS},,\n,,\n`],
    ['no end of the last line', ROWS.trimEnd()],
    ['quotes', ROWS.replaceAll(/[^,\n]+/g, '"$&"')],
    ['spaces', ROWS.replaceAll(',', ' , ')],
    ['spaces around quotes', ROWS.replaceAll(/[^,\n]+/g, ' "$&" ')],
    ['the names again', `${ROWS}a,b,class\n`],
    ['exponents', ROWS.replace('\n2,', '\n0.2e+1,')],
  ])('the same numbers with %s', async (_, text) => {
    const [plain, other] = [await csv(ROWS), await csv(text)];
    expect(other.train).toEqual(plain.train);
    expect(other.test).toEqual(plain.test);
    expect(other.columns).toEqual(plain.columns);
  });

  it('no names where the first line has a number, or a word twice', async () => {
    const made = await csv(ROWS.replace('a,b,class\n', ''));
    expect(made.options).toMatchObject({ header: false, target: '3' });
    expect(made.columns?.map(({ name }) => name)).toEqual(['1', '2']);
    expect(made.notes).toContain(
      'The file has no names of columns: they are called by their numbers, from 1.',
    );
    const words = await csv(rowsOf((k) => (k % 2 ? 'p,p,yes' : 'no,no,no'), 20));
    expect(words.options.header).toBe(false);
    expect(
      (
        await csv(
          rowsOf((k) => `${k},${(k % 2) + 7}`),
          { header: 'true' },
        )
      ).columns?.[0]?.name,
    ).toBe('0');
  });

  it('0, 1, 2 as names: pandas writes them for columns without', async () => {
    const rows = rowsOf((k) => `${k},${k + 0.5},${k % 2}`);
    const bare = await csv(`0,1,2\n${rows}`);
    expect(bare).toMatchObject({
      options: { header: true, target: '2' },
      columns: [{ name: '0' }, { name: '1' }],
    });
    const indexed = await csv(`,0,1,2\n${rows.replaceAll(/^/gm, '7,').slice(0, -2)}`);
    expect(indexed.columns?.map(({ name }) => name)).toEqual(['0', '1']);
    expect(indexed.train).toEqual(bare.train);
  });

  it('names of which two are alike, where the next line has numbers', async () => {
    const rows = rowsOf((k) => `${k},${k + 0.5},${k % 2 ? 'x' : 'y'}`);
    expect((await refused(csv(`a,a,class\n${rows}`))).message).toContain('the same name, a');
    const unknown = await csv(`?,?,x\n${rows}`);
    expect(unknown.options.header).toBe(false);
  });

  it('a decimal comma, where commas do not separate fields', async () => {
    const made = await csv(`a;b;c\n${rowsOf((k) => `${k},5;${k};${k * k},25`)}`);
    expect(made.options).toMatchObject({ delimiter: 'semicolon', decimal: 'comma', task: 'regression' });
    expect(made.notes).toContain('Numbers are read with a decimal comma.');
    const quoted = await csv(`a,b,c\n${rowsOf((k) => `"${k},5",${k},"${k * k},25"`)}`, { decimal: 'comma' });
    expect(quoted.train).toEqual(made.train);
    const headless = await csv(rowsOf((k) => `${k},5;${k},5;${k % 2}`));
    expect(headless).toMatchObject({ inputs: 2, options: { delimiter: 'semicolon' } });
  });

  it('classes of text and booleans, by code point, and of few whole numbers, by size; else a number', async () => {
    const table = (target: (k: number) => unknown, rows = 60) =>
      csv(`x,y\n${rowsOf((k) => `${k},${target(k)}`, rows)}`);
    expect((await table((k) => k % 12)).classes).toEqual(Array.from({ length: 12 }, (_, k) => `${k}`));
    expect((await table((k) => (k % 2 ? 'TRUE' : 'FALSE'))).classes).toEqual(['FALSE', 'TRUE']);
    expect((await table((k) => ['\u{1F600}', '\uFF21', 'a'][k % 3])).classes).toEqual([
      'a',
      '\uFF21',
      '\u{1F600}',
    ]);
    expect((await table((k) => k % 21)).task).toBe('regression');
    expect((await table((k) => (k % 3) / 2)).task).toBe('regression');
    const ones = await table((k) => k % 3);
    expect(ones.notes.at(-1)).toContain('3 different whole numbers: they are classes');
  });
});

describe('options', () => {
  it('target by name or number, task, drop', async () => {
    expect((await csv(ROWS, { target: 'b' })).classes).toEqual(['x', 'y']);
    expect((await csv(ROWS, { target: '2' })).classes).toEqual(['x', 'y']);
    const number = await csv(ROWS, { target: 'a', task: 'regression', drop: 'class' });
    expect(number).toMatchObject({ task: 'regression', outputs: 1, classes: null, inputs: 2 });
    expect(await csv(ROWS, { drop: 'b' })).toMatchObject({ inputs: 1, options: { drop: ['b'] } });
    expect((await csv(ROWS, { drop: '3' })).options.target).toBe('b');
    const halves = `x,y\n${rowsOf((k) => `${k},${(k % 2) / 2}`)}`;
    expect((await csv(halves)).task).toBe('regression');
    expect((await csv(halves, { task: 'classification' })).classes).toEqual(['0', '0.5']);
  });

  it('delimiter and header overrule what is seen', async () => {
    const both = `a;b,c\n${rowsOf((k) => `${k % 3};x,${k % 2 ? 'u' : 'v'}`)}`;
    expect((await csv(both)).options).toMatchObject({ delimiter: 'semicolon', target: 'b,c' });
    expect((await csv(both, { delimiter: 'comma' })).options).toMatchObject({
      delimiter: 'comma',
      target: 'c',
    });
    const made = await csv(ROWS, { header: 'false' });
    expect(made.options.header).toBe(false);
    expect(made.classes).toEqual(['class', 'u', 'v']);
  });

  it('a column without a name is left out: pandas writes row numbers so', async () => {
    const made = await csv(`,a,class\n${rowsOf((k) => `${k},${k},${k % 2 ? 'u' : 'v'}`)}`);
    expect(made.columns?.map(({ name }) => name)).toEqual(['a']);
    expect(made.notes[0]).toBe('Column 1 has no name: it is left out.');
  });
});

describe('a name', () => {
  it('that JSON cannot carry is refused: no row could be predicted by it', async () => {
    const { message } = await refused(csv('a,__proto__,c\n1,2,u\n3,4,v\n'));
    expect(message).toBe('Column 2 is called __proto__, which no row in JSON may name. Rename it.');
  });
});

describe('files of pandas', () => {
  it.each([
    ['index-crlf-bom.csv', {}],
    ['german.csv', {}],
    ['tab-quoted.tsv', {}],
  ])('%s has the numbers of plain.csv', async (name, query) => {
    const plain = await csvFile(foreignFile('plain.csv'));
    const other = await csvFile(foreignFile(name), query);
    expect(other.train).toEqual(plain.train);
    expect(other.test).toEqual(plain.test);
    expect(other.columns).toEqual(plain.columns);
    expect(other.classes).toEqual(plain.classes);
  });

  it('plain.csv has what the frame had', async () => {
    const made = await csvFile(foreignFile('plain.csv'));
    expect(made).toMatchObject({ inputs: 12, classes: ['setosa', 'versicolor', 'virginica'] });
    expect([made.train.rows, made.test.rows]).toEqual([120, 30]);
    expect(made.columns).toMatchObject([
      { name: 'age', type: 'number' },
      { name: 'height', type: 'number', missing: 9 },
      { name: 'share', type: 'number' },
      {
        name: 'town',
        type: 'text',
        missing: 7,
        values: ['Genève', 'Köln', 'say "hi"', 'Århus, DK', 'İzmir'],
      },
      { name: 'member', type: 'text', values: ['False', 'True'] },
      { name: 'plan', type: 'text', values: ['basic', 'plus'] },
    ]);
    for (let r = 0; r < made.train.rows; r += 1) {
      const texts = inputsAt(made, made.train, r).slice(3);
      expect(texts.slice(5, 7).reduce((sum, x) => sum + x)).toBe(1);
      expect(texts.slice(0, 5).reduce((sum, x) => sum + x)).toBeLessThanOrEqual(1);
    }
  });

  it('UTF-16 and Latin-1 are refused with the cure', async () => {
    expect((await refused(csvFile(foreignFile('utf-16.csv')))).message).toMatch(/UTF-16.*iconv -f UTF-16/);
    const latin = await refused(csvFile(foreignFile('latin-1.csv')));
    const line = readFileSync(foreignFile('latin-1.csv'), 'latin1')
      .split('\n')
      .findIndex((text) => /[^\0-\x7f]/.test(text));
    expect(latin.places).toMatchObject([{ line: line + 1, problem: expect.stringContaining('CSV UTF-8') }]);
  });
});
