import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { cut } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';

/** Text files are UTF-8. Guessing another encoding would turn names into other names. */

const [LF, CR] = [10, 13];

const CURE =
  'Save it as UTF-8 (Excel: "CSV UTF-8"; pandas: encoding="utf-8"), or convert it: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv';

/** Formats that are mistaken for text, by their first bytes. */
const FOREIGN: readonly (readonly [string, string])[] = [
  ['\xff\xfe', 'UTF-16 text. Save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 in.csv > out.csv'],
  ['\xfe\xff', 'UTF-16 text. Save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 in.csv > out.csv'],
  ['PK\x03\x04', 'a ZIP archive, as Excel workbooks are. Save it as CSV UTF-8'],
  ['\x1f\x8b', 'compressed with gzip. Send it unpacked'],
  ['PAR1', 'Parquet. Send it with format=parquet'],
];

/** start: of the file. @throws {DatasetRefusedError} if it is no text */
export function refuseForeign(start: Uint8Array): void {
  const text = Buffer.from(start.subarray(0, 8)).toString('latin1');
  const foreign = FOREIGN.find(([first]) => text.startsWith(first));
  if (foreign !== undefined) throw new DatasetRefusedError(`The file is ${foreign[1]}.`);
}

/**
 * The chunks of a file, cut between characters.
 * @throws {DatasetRefusedError} where they are not UTF-8
 */
export async function* onlyUtf8(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  let carried: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of chunks) {
    const bytes = carried.length === 0 ? chunk : Buffer.concat([carried, chunk]);
    const end = bytes.length - unfinished(bytes);
    const whole = bytes.subarray(0, end);
    if (!isText(whole)) throw await refusalOf(whole, offset, path);
    yield whole;
    carried = bytes.subarray(end);
    offset += end;
  }
  if (carried.length > 0) throw await refusalOf(carried, offset, path);
}

const isText = (bytes: Uint8Array): boolean => isUtf8(bytes) && !bytes.includes(0);

/** Bytes at the end that begin a character. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

async function refusalOf(bytes: Buffer, offset: number, path: string): Promise<DatasetRefusedError> {
  let line = 1;
  if (offset > 0) {
    for await (const chunk of createReadStream(path, { end: offset - 1 })) line += lineBreaks(chunk);
  }
  const bad = textLines(bytes).find(({ from, to }) => !isText(bytes.subarray(from, to)))!;
  const found = bytes.subarray(bad.from, bad.to);
  const problem = found.includes(0)
    ? `The line has a zero byte, so the file is no UTF-8 text; perhaps it is UTF-16, or no CSV. ${CURE}`
    : `The line is not UTF-8; perhaps the file is Latin-1 or Windows-1252. ${CURE}`;
  return new DatasetRefusedError(`The file is not UTF-8 text: line ${line + bad.before}.`, [
    { line: line + bad.before, found: cut(found.subarray(0, 100).toString('latin1')), problem },
  ]);
}

interface TextLine {
  readonly from: number;
  readonly to: number;
  /** Line breaks before it. */
  readonly before: number;
}

function textLines(bytes: Uint8Array): TextLine[] {
  const lines: TextLine[] = [];
  let from = 0;
  for (let k = 0; k <= bytes.length; k += 1) {
    if (k < bytes.length && bytes[k] !== LF) continue;
    lines.push({ from, to: k, before: lines.length });
    from = k + 1;
  }
  return lines;
}

/** Where lines end with CR alone, those. */
function lineBreaks(bytes: Uint8Array): number {
  let [feeds, returns] = [0, 0];
  for (const byte of bytes) {
    if (byte === LF) feeds += 1;
    if (byte === CR) returns += 1;
  }
  return feeds > 0 ? feeds : returns;
}
