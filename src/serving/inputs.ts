import type { z } from 'zod';
import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetColumn } from '../contract/dataset.ts';
import {
  type Fit,
  MOST_ROWS,
  MOST_TEXT_BYTES,
  NumericRequestSchema,
  PredictRequestSchema,
  type TableRow,
} from '../contract/prediction.ts';
import { newValues, type Values } from '../engine/engine.ts';
import { readDrawing } from './drawing.ts';
import { InputError } from './input-error.ts';
import { csvRows, encodedRows, wantedOf } from './table-inputs.ts';

/** Rows for a model, from a body in any of the forms that are taken. */

export interface Inputs {
  readonly rows: number;
  /** (rows, inputs), as the dataset has them. */
  readonly values: Values;
  /** (height, width): what became of a picture. */
  readonly seen?: readonly (readonly number[])[];
}

export interface Sent {
  readonly bytes: Uint8Array;
  /** Of the header Content-Type, in lower case, without parameters. */
  readonly type: string;
  readonly fit: Fit;
}

type Columns = readonly DatasetColumn[] | undefined;

/** columns: of an uploaded table; undefined where rows are the numbers that the model sees. */
type Reader = (sent: Sent, data: DataShape, columns: Columns) => Inputs;

const READERS: Readonly<Record<string, Reader>> = {
  'application/json': readJson,
  'text/csv': readCsv,
  'application/octet-stream': readBytes,
  'image/png': readPicture,
};

export const INPUT_TYPES = Object.keys(READERS);

/** @throws {InputError} */
export function readInputs(sent: Sent, data: DataShape, columns?: readonly DatasetColumn[]): Inputs {
  const read = READERS[sent.type];
  if (read === undefined) {
    throw new InputError(
      'media',
      `Send the inputs as one of ${INPUT_TYPES.join(', ')}, named in Content-Type.`,
    );
  }
  if (sent.bytes.length === 0) throw new InputError('content', 'The body is empty. Send at least one row.');
  return read(sent, data, columns);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readText(bytes: Uint8Array): string {
  if (bytes.length > MOST_TEXT_BYTES) {
    throw new InputError(
      'content',
      `JSON and CSV may have at most ${MOST_TEXT_BYTES} bytes; got ${bytes.length}. Send more rows as bytes (application/octet-stream).`,
    );
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new InputError('content', 'The body is not valid UTF-8.');
  }
}

function readJson({ bytes }: Sent, data: DataShape, columns: Columns): Inputs {
  let value: unknown;
  try {
    value = JSON.parse(readText(bytes));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('content', `The body is not valid JSON: ${(error as Error).message}`);
  }
  if (columns !== undefined) {
    const rows = PredictRequestSchema.safeParse(value);
    if (!rows.success) throw new InputError('content', `${faultOf(rows.error)} ${wantedOf(columns)}`);
    return rowsOfTable(rows.data.inputs, columns, data);
  }
  const parsed = NumericRequestSchema.safeParse(value);
  if (!parsed.success) {
    throw new InputError('content', `${faultOf(parsed.error)} ${wanted(data)}`);
  }
  const { isOne, one } = VALUES[data.storage];
  for (const [r, row] of parsed.data.inputs.entries()) {
    const odd = row.findIndex((value) => !isOne(value));
    if (odd >= 0)
      throw new InputError('content', `/inputs/${r}/${odd}: ${row[odd]} is not ${one}. ${wanted(data)}`);
  }
  return rowsOf(parsed.data.inputs, data);
}

/** Where and what, in a sentence. */
function faultOf({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return `${path.length === 0 ? 'The body' : `/${path.join('/')}`}: ${message}.`;
}

/** What a value may be, and how to say that of one and of many. */
const VALUES = {
  u8: {
    isOne: (value: number) => Number.isInteger(value) && value >= 0 && value <= 255,
    one: 'a whole number from 0 to 255',
    many: 'whole numbers from 0 to 255',
  },
  f32: {
    isOne: (value: number) => Number.isFinite(Math.fround(value)),
    one: 'a number that a float32 can hold',
    many: 'numbers',
  },
} as const satisfies Record<DataShape['storage'], object>;

const wanted = ({ inputs, storage }: DataShape): string =>
  `Send {"inputs": [[...], ...]} with 1 to ${MOST_ROWS} rows of ${inputs} ${VALUES[storage].many}.`;

/** Cells separated by commas, one row a line; a first line that is not of numbers is a header. */
function readCsv({ bytes }: Sent, data: DataShape, columns: Columns): Inputs {
  if (columns !== undefined) return rowsOfTable(csvRows(readText(bytes), columns), columns, data);
  const rows = readText(bytes)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(','));
  if (rows[0]?.some((cell) => Number.isNaN(Number(cell)))) rows.shift();
  if (rows.length === 0) throw new InputError('content', 'The body has no row of numbers.');
  const { isOne, one } = VALUES[data.storage];
  const numbers = rows.map((cells, r) =>
    cells.map((cell) => {
      const value = Number(cell.trim() || Number.NaN);
      if (isOne(value)) return value;
      throw new InputError('content', `Row ${r + 1}: ${JSON.stringify(cell.slice(0, 20))} is not ${one}.`);
    }),
  );
  return rowsOf(numbers, data);
}

function rowsOfTable(
  rows: readonly TableRow[],
  columns: readonly DatasetColumn[],
  { inputs }: DataShape,
): Inputs {
  if (rows.length === 0) throw new InputError('content', 'The body has no rows.');
  refuseTooMany(rows.length);
  return { rows: rows.length, values: encodedRows(rows, columns, inputs) };
}

/** rows: of values that the dataset can have. */
function rowsOf(rows: readonly (readonly number[])[], { inputs, storage }: DataShape): Inputs {
  refuseTooMany(rows.length);
  const values = newValues(storage, rows.length * inputs);
  for (const [r, row] of rows.entries()) {
    if (row.length !== inputs) {
      throw new InputError('content', `Row ${r + 1} has ${row.length} values; this model takes ${inputs}.`);
    }
    values.set(row, r * inputs);
  }
  return { rows: rows.length, values };
}

function refuseTooMany(rows: number): void {
  if (rows <= MOST_ROWS) return;
  throw new InputError('content', `A request may have at most ${MOST_ROWS} rows; got ${rows}.`);
}

/** An IDX file of bytes begins with two zeros, the type 8 and the number of dimensions. */
const IDX_OF_BYTES = 0x0000_0800;

/** The values of the rows one after another: bytes, bare or as an IDX file; or float32, little-endian. */
function readBytes({ bytes }: Sent, { inputs, storage }: DataShape, columns: Columns): Inputs {
  if (columns !== undefined) {
    throw new InputError('media', 'This model takes the columns of a table. Send them as JSON or CSV.');
  }
  const content = storage === 'u8' ? (withoutIdxHeader(bytes, inputs) ?? bytes) : bytes;
  const rowBytes = inputs * newValues(storage, 1).byteLength;
  if (content.length % rowBytes !== 0) {
    const allowed =
      storage === 'u8'
        ? `rows of ${rowBytes} bytes nor an IDX file of such rows`
        : `float32 rows of ${rowBytes} bytes each nor anything else that is taken`;
    throw new InputError('content', `The body has ${bytes.length} bytes: neither ${allowed}.`);
  }
  const rows = content.length / rowBytes;
  refuseTooMany(rows);
  if (storage === 'u8') return { rows, values: content };
  // A copy, because numbers must begin at a multiple of their size.
  const values = new Float32Array(new Uint8Array(content).buffer);
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0)
    throw new InputError('content', `Row ${Math.floor(odd / inputs) + 1}: ${values[odd]} is not finite.`);
  return { rows, values };
}

function withoutIdxHeader(bytes: Uint8Array, inputs: number): Uint8Array | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 8 || (file.readUInt32BE(0) & 0xffff_ff00) !== IDX_OF_BYTES) return undefined;
  const rank = file.readUInt8(3);
  const headerBytes = 4 + 4 * rank;
  if (rank < 2 || file.length < headerBytes) return undefined;
  const [rows, ...dims] = Array.from({ length: rank }, (_, d) => file.readUInt32BE(4 + 4 * d));
  const values = dims.reduce((product, dim) => product * dim, 1);
  return values === inputs && file.length === headerBytes + rows! * inputs
    ? bytes.subarray(headerBytes)
    : undefined;
}

function readPicture({ bytes, fit }: Sent, { image }: DataShape): Inputs {
  if (image?.channels !== 1)
    throw new InputError('media', 'This model takes no grey pictures. Send the values of its inputs.');
  const { height, width } = image;
  const values = readDrawing(bytes, { fit, height, width });
  const seen = Array.from({ length: height }, (_, y) => [...values.subarray(y * width, (y + 1) * width)]);
  return { rows: 1, values, seen };
}
