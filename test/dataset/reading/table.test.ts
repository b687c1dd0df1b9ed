import { describe, expect, it } from 'vitest';
import { splitRows } from '../../../src/dataset/reading/split.ts';
import { accuracyOfLogisticModel } from './logistic-model.ts';
import { csv, csvFile, inputsAt, irisCsv, LIMITS, penguinsCsv, refused, vegaFile } from './table-files.ts';

/** x of these, in row order; every third row is of class w. */
const XS = [3, -1, 0.1, 12, 7.25, 7.25, 1e-3, -40, 5, 6, 2, 8];
const TABLE = `x,c\n${XS.map((x, k) => `${x},${k % 3 ? 'u' : 'w'}\n`).join('')}`;
const CLASSES = Uint16Array.from(XS, (_, k) => (k % 3 ? 0 : 1));
const SPLIT = splitRows(XS.length, 0.2, CLASSES);

const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: number[]) => Math.sqrt(mean(values.map((x) => (x - mean(values)) ** 2)));

describe('inputs', () => {
  it('are standardised by the train rows, in the order of the file, rounded once', async () => {
    const made = await csv(TABLE);
    const trained = [...SPLIT.train].sort((a, b) => a - b).map((row) => XS[row]!);
    const [m, d] = [mean(trained), deviation(trained)];
    expect(made.columns).toEqual([
      {
        name: 'x',
        type: 'number',
        missing: 0,
        mean: m,
        deviation: d,
        min: Math.min(...trained),
        max: Math.max(...trained),
        offset: m,
        divisor: d,
      },
    ]);
    expect([...made.train.values]).toEqual(Array.from(SPLIT.train, (row) => Math.fround((XS[row]! - m) / d)));
    expect([...made.test.values]).toEqual(Array.from(SPLIT.test, (row) => Math.fround((XS[row]! - m) / d)));
    expect([...made.train.targets]).toEqual(Array.from(SPLIT.train, (row) => CLASSES[row]!));
  });

  it('with minmax are 0 to 1 in the train rows; with none as they are', async () => {
    const minmax = await csv(TABLE, { scale: 'minmax' });
    expect([Math.min(...minmax.train.values), Math.max(...minmax.train.values)]).toEqual([0, 1]);
    const none = await csv(TABLE, { scale: 'none' });
    expect([...none.train.values]).toEqual(Array.from(SPLIT.train, (row) => Math.fround(XS[row]!)));
    expect(none.columns).toMatchObject([{ offset: 0, divisor: 1 }]);
  });

  it.each(['standard', 'minmax', 'none'])('missing numbers become the train mean: %s', async (scale) => {
    const rows = Array.from({ length: 40 }, (_, k) => `${k % 4 ? k : ''},${k % 2 ? 'u' : 'v'}\n`).join('');
    const made = await csv(`x,c\n${rows}`, { scale });
    const [column] = made.columns!;
    if (column?.type !== 'number') throw new Error('no number');
    expect(column.missing).toBe(10);
    expect(made.notes).toContain('Missing numbers became the mean of the train rows: x (10).');
    const filled = Math.fround((column.mean - column.offset) / column.divisor);
    expect([...made.train.values, ...made.test.values].filter((x) => x === filled)).toHaveLength(10);
    if (scale === 'standard') expect(filled).toBe(0);
  });

  it('of one value only are 0 and told', async () => {
    const made = await csv(TABLE.replaceAll(/^([^,x]+),/gm, '0.1,$1,').replace('x,', 'k,x,'));
    expect(made.columns?.[0]).toMatchObject({ name: 'k', mean: 0.1, deviation: 0, offset: 0.1, divisor: 1 });
    expect(inputsAt(made, made.train, 0)[0]).toBe(0);
    expect(made.notes.at(-1)).toBe('Columns with one value in all train rows tell a model nothing: k.');
  });

  it('too large for 32 bits are refused by line, for a sum by column', async () => {
    const { places } = await refused(csv(TABLE.replace('\n12,', '\n1e39,'), { scale: 'none' }));
    expect(places).toMatchObject([{ line: 5, column: 'x', found: '1e+39' }]);
    expect(
      (await refused(csv(TABLE.replace('\n12,', '\n1.7e308,').replace('\n3,', '\n1.7e308,')))).places,
    ).toMatchObject([{ column: 'x', problem: expect.stringContaining('too large') }]);
  });
});

describe('regression', () => {
  it('targets are standardised by the train rows', async () => {
    const rows = XS.map((x, k) => `${k},${x}\n`).join('');
    const made = await csv(`a,y\n${rows}`);
    const { train, test } = splitRows(XS.length, 0.2, null);
    const trained = [...train].sort((a, b) => a - b).map((row) => XS[row]!);
    const [m, d] = [mean(trained), deviation(trained)];
    expect(made).toMatchObject({
      task: 'regression',
      outputs: 1,
      classes: null,
      target: { name: 'y', type: 'number', mean: m, deviation: d },
    });
    expect([...made.train.targets]).toEqual(Array.from(train, (row) => Math.fround((XS[row]! - m) / d)));
    expect([...made.test.targets]).toEqual(Array.from(test, (row) => Math.fround((XS[row]! - m) / d)));
  });
});

describe('a column that divides the rows', () => {
  const rows = XS.map((x, k) => `${x},${k % 4 ? 'train' : 'Test'},${k % 3 ? 'u' : 'w'}\n`).join('');

  it('keeps the order of the file', async () => {
    const made = await csv(`x,part,c\n${rows}`, { split_column: 'part', scale: 'none' });
    expect([...made.train.values]).toEqual(XS.filter((_, k) => k % 4).map(Math.fround));
    expect([...made.test.values]).toEqual(XS.filter((_, k) => k % 4 === 0).map(Math.fround));
    expect(made.options).toMatchObject({ test_split: null, split_column: 'part' });
    expect(made.inputs).toBe(1);
  });

  it('says train or test, and both', async () => {
    const wrong = await refused(csv(`x,part,c\n${rows}1,dev,u\n`, { split_column: 'part' }));
    expect(wrong.places).toMatchObject([{ line: 14, column: 'part', found: 'dev' }]);
    const none = await refused(
      csv(`x,part,c\n${rows.replaceAll('Test', 'train')}`, { split_column: 'part' }),
    );
    expect(none.message).toBe('The column part says test of no row. A dataset needs train and test rows.');
    expect((await refused(csv(`x,part,c\n${rows}1,,u\n`, { split_column: 'part' }))).places).toMatchObject([
      { line: 14 },
    ]);
  });

  it('classes that only test rows have are told', async () => {
    const made = await csv(`x,part,c\n${rows}1,test,new\n`, { split_column: 'part' });
    expect(made.notes.at(-1)).toBe('Classes without train rows: new.');
  });
});

describe('data that people have', () => {
  it('iris: a logistic model is right on 0.93 of the test rows or more', async () => {
    const made = await csv(irisCsv());
    expect(made).toMatchObject({ inputs: 4, classes: ['setosa', 'versicolor', 'virginica'] });
    expect(accuracyOfLogisticModel(made)).toBeGreaterThanOrEqual(0.93);
  });

  it('penguins: missing values are filled in, and the model is as good', async () => {
    const made = await csv(penguinsCsv(), { target: 'Species' });
    expect(made.classes).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    expect(made.columns).toMatchObject([
      { name: 'Island', values: ['Biscoe', 'Dream', 'Torgersen'] },
      { name: 'Beak Length (mm)', missing: 2 },
      { name: 'Beak Depth (mm)', missing: 2 },
      { name: 'Flipper Length (mm)', missing: 2 },
      { name: 'Body Mass (g)', missing: 2 },
      { name: 'Sex' },
    ]);
    expect(accuracyOfLogisticModel(made)).toBeGreaterThanOrEqual(0.93);
  });

  it('seattle-weather: dates are too many texts, and left out on request', async () => {
    const path = vegaFile('seattle-weather.csv');
    const { message, places } = await refused(csvFile(path));
    expect(message).toContain('?drop=date');
    expect(places).toMatchObject([{ column: 'date', line: 102 }]);
    const made = await csvFile(path, { drop: 'date' }, LIMITS);
    expect(made).toMatchObject({ inputs: 4, classes: ['drizzle', 'fog', 'rain', 'snow', 'sun'] });
    expect([made.train.rows, made.test.rows]).toEqual([1169, 292]);
  });
});
