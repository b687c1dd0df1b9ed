import { describe, expect, it } from 'vitest';
import { DATASETS } from '../../src/dataset/registry.ts';
import { InputError } from '../../src/serving/input-error.ts';
import { readInputs } from '../../src/serving/inputs.ts';

const data = DATASETS.mnist.shape;
const ROW = Array.from({ length: 784 }, (_, i) => i % 256);

const read = (type: string, bytes: string | Uint8Array) =>
  readInputs({ type, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, fit: 'none' }, data);

function idx(rows: number, dims: number[], bytes: number): Uint8Array {
  const header = Buffer.alloc(8 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + 1 + dims.length, 0);
  [rows, ...dims].forEach((dim, d) => {
    header.writeUInt32BE(dim, 4 + 4 * d);
  });
  return Buffer.concat([header, Buffer.alloc(bytes, 7)]);
}

it('are the same from every form', () => {
  const [first, second] = [ROW, ROW.toReversed()];
  const header = Array.from({ length: 784 }, (_, i) => `pixel${i}`).join();
  for (const inputs of [
    read('application/json', JSON.stringify({ inputs: [first, second] })),
    read('text/csv', `${first.join()}\n${second.join()}\n`),
    read('text/csv', `${header}\r\n${first.join(', ')}\r\n\r\n${second.join()}`),
    read('application/octet-stream', Uint8Array.from([...first, ...second])),
  ]) {
    expect(inputs.rows).toBe(2);
    expect([...inputs.values]).toEqual([...first, ...second]);
  }
});

it('are taken from IDX files of one row or many', () => {
  expect(read('application/octet-stream', idx(3, [28, 28], 3 * 784))).toMatchObject({ rows: 3 });
  expect([...read('application/octet-stream', idx(1, [784], 784)).values]).toEqual(new Array(784).fill(7));
});

describe('are refused', () => {
  it.each([
    ['text/html', '<p>', 'media', 'Send the inputs as one of application/json'],
    ['', '[]', 'media', 'named in Content-Type'],
    ['application/json', '', 'content', 'The body is empty'],
    ['application/json', '{', 'content', 'not valid JSON'],
    ['application/json', '"\ud800"', 'content', '1 to 1000 rows of 784 whole numbers'],
    ['application/json', '{"inputs":[]}', 'content', '/inputs'],
    ['application/json', '{"inputs":[[1.5]]}', 'content', '/inputs/0/0'],
    ['application/json', '{"inputs":[[1]],"more":1}', 'content', 'more'],
    ['application/json', '{"inputs":[[1,2,3]]}', 'content', 'Row 1 has 3 values; this model takes 784'],
    ['application/json', `{"inputs":[${'[],'.repeat(1000)}[]]}`, 'content', 'Too big'],
    ['application/json', ' '.repeat(300_000), 'content', 'at most 262144 bytes; got 300000'],
    ['text/csv', 'a,b,c\n', 'content', 'no row of numbers'],
    ['text/csv', '1,2,x\n', 'content', 'no row of numbers'],
    ['text/csv', '1,2\n1,x', 'content', 'Row 2: "x" is not a whole number from 0 to 255'],
    ['text/csv', '1,,2', 'content', 'Row 1: "" is not'],
    ['text/csv', '1,256', 'content', '"256" is not'],
    ['text/csv', '1\n'.repeat(1001), 'content', 'at most 1000 rows; got 1001'],
    [
      'application/octet-stream',
      new Uint8Array(785),
      'content',
      '785 bytes: neither rows of 784 bytes nor an IDX',
    ],
    ['application/octet-stream', new Uint8Array(1001 * 784), 'content', 'at most 1000 rows; got 1001'],
    ['application/octet-stream', idx(2, [28, 28], 784), 'content', 'neither rows'],
    ['application/octet-stream', idx(2, [14, 14], 2 * 196), 'content', 'neither rows'],
    ['application/octet-stream', idx(2 ** 32 - 1, [2 ** 16, 2 ** 16], 10), 'content', 'neither rows'],
    ['image/png', 'not a picture', 'content', 'is not a PNG'],
  ])('%s %#', (type, bytes, code, reason) => {
    let error: unknown;
    try {
      read(type, bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).code).toBe(code);
    expect((error as InputError).message).toContain(reason);
    expect((error as InputError).message.length).toBeLessThan(400);
  });
});

describe('of a table', () => {
  const table = DATASETS.moons.shape;
  const readTable = (type: string, bytes: string | Uint8Array) =>
    readInputs({ type, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, fit: 'none' }, table);
  const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

  it('are numbers, the same from every form', () => {
    const rows = [0.5, -1.25, 3e-3, 2];
    for (const inputs of [
      readTable('application/json', '{"inputs":[[0.5,-1.25],[0.003,2]]}'),
      readTable('text/csv', 'x,y\n0.5,-1.25\n3e-3,2\n'),
      readTable('text/csv', '0.5,-1.25\n3e-3,+2'),
      readTable('application/octet-stream', floats(...rows)),
    ]) {
      expect(inputs.rows).toBe(2);
      expect(inputs.values).toEqual(Float32Array.from(rows));
    }
  });

  it.each([
    [
      'application/json',
      '{"inputs":[[1e39,0]]}',
      '/inputs/0/0: 1e+39 is not a number that a float32 can hold',
    ],
    ['application/json', '{"inputs":[[1,2,3]]}', 'Row 1 has 3 values; this model takes 2'],
    ['application/json', '{"inputs":[["1",2]]}', 'rows of 2 numbers'],
    ['text/csv', '1,2\n1,x', 'Row 2: "x" is not a number'],
    ['application/octet-stream', new Uint8Array(9), 'rows of 8 bytes'],
    ['application/octet-stream', floats(1, Number.NaN), 'Row 1: NaN is not finite'],
    ['image/png', 'a picture', 'takes no grey pictures'],
  ])('are refused: %s %#', (type, bytes, reason) => {
    expect(() => readTable(type, bytes)).toThrow(reason);
  });
});
