import type { DataShape } from '../contract/data-shape.ts';
import { type Fit, MOST_ROWS, MOST_TEXT_BYTES, PredictRequestSchema } from '../contract/prediction.ts';
import { readDrawing } from './drawing.ts';
import { InputError } from './input-error.ts';

/** Rows for a model, from a body in any of the forms that are taken. */

export interface Inputs {
  readonly rows: number;
  /** (rows, inputs) */
  readonly images: Uint8Array;
  /** (height, width): what became of a picture. */
  readonly seen?: readonly (readonly number[])[];
}

export interface Sent {
  readonly bytes: Uint8Array;
  /** Of the header Content-Type, in lower case, without parameters. */
  readonly type: string;
  readonly fit: Fit;
}

const READERS: Readonly<Record<string, (sent: Sent, data: DataShape) => Inputs>> = {
  'application/json': readJson,
  'text/csv': readCsv,
  'application/octet-stream': readBytes,
  'image/png': readPicture,
};

export const INPUT_TYPES = Object.keys(READERS);

/** @throws {InputError} */
export function readInputs(sent: Sent, data: DataShape): Inputs {
  const read = READERS[sent.type];
  if (read === undefined) {
    throw new InputError(
      'media',
      `Send the inputs as one of ${INPUT_TYPES.join(', ')}, named in Content-Type.`,
    );
  }
  if (sent.bytes.length === 0) throw new InputError('content', 'The body is empty. Send at least one row.');
  return read(sent, data);
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

function readJson({ bytes }: Sent, data: DataShape): Inputs {
  let value: unknown;
  try {
    value = JSON.parse(readText(bytes));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('content', `The body is not valid JSON: ${(error as Error).message}`);
  }
  const parsed = PredictRequestSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const at = path.length === 0 ? 'The body' : `/${path.join('/')}`;
    const more = `Send {"inputs": [[...], ...]} with 1 to ${MOST_ROWS} rows of ${data.inputs} whole numbers from 0 to 255.`;
    throw new InputError('content', `${at}: ${message}. ${more}`);
  }
  return rowsOf(parsed.data.inputs, data);
}

/** Cells separated by commas, one row a line; a first line that is not of numbers is a header. */
function readCsv({ bytes }: Sent, data: DataShape): Inputs {
  const lines = readText(bytes)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  if (lines.length > 0 && !/^[\s\d.,+-]*$/.test(lines[0]!)) lines.shift();
  if (lines.length === 0) throw new InputError('content', 'The body has no row of numbers.');
  const rows = lines.map((line, r) =>
    line.split(',').map((cell) => {
      const value = Number(cell.trim() || Number.NaN);
      if (Number.isInteger(value) && value >= 0 && value <= 255) return value;
      throw new InputError(
        'content',
        `Row ${r + 1}: ${JSON.stringify(cell.slice(0, 20))} is not a whole number from 0 to 255.`,
      );
    }),
  );
  return rowsOf(rows, data);
}

function rowsOf(rows: readonly (readonly number[])[], { inputs }: DataShape): Inputs {
  refuseTooMany(rows.length);
  const images = new Uint8Array(rows.length * inputs);
  for (const [r, row] of rows.entries()) {
    if (row.length !== inputs) {
      throw new InputError('content', `Row ${r + 1} has ${row.length} values; this model takes ${inputs}.`);
    }
    images.set(row, r * inputs);
  }
  return { rows: rows.length, images };
}

function refuseTooMany(rows: number): void {
  if (rows <= MOST_ROWS) return;
  throw new InputError('content', `A request may have at most ${MOST_ROWS} rows; got ${rows}.`);
}

/** An IDX file of bytes begins with two zeros, the type 8 and the number of dimensions. */
const IDX_OF_BYTES = 0x0000_0800;

/** The bytes of the rows one after another, bare or as an IDX file. */
function readBytes({ bytes }: Sent, { inputs }: DataShape): Inputs {
  const images = withoutIdxHeader(bytes, inputs) ?? bytes;
  if (images.length % inputs !== 0) {
    throw new InputError(
      'content',
      `The body has ${bytes.length} bytes: neither rows of ${inputs} bytes nor an IDX file of such rows.`,
    );
  }
  const rows = images.length / inputs;
  refuseTooMany(rows);
  return { rows, images };
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
  const { height, width, channels } = image;
  if (channels !== 1)
    throw new InputError('media', 'This model takes no grey pictures. Send its values as bytes.');
  const images = readDrawing(bytes, { fit, height, width });
  const seen = Array.from({ length: height }, (_, y) => [...images.subarray(y * width, (y + 1) * width)]);
  return { rows: 1, images, seen };
}
