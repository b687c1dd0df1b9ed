import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, Parser } from 'csv-parse';
import { DatasetRefusedError } from './refusal.ts';
import { MOST_COLUMNS } from './table-roles.ts';
import { onlyUtf8 } from './utf8-file.ts';

/** Longer records are refused before they take memory: most likely a quote is never closed. */
const MOST_RECORD_BYTES = 2 ** 23;

const CHUNK_BYTES = 2 ** 18;

/**
 * Calls `use` for each record of a CSV file: its fields without quotes and surrounding spaces, and the line where it
 * starts, from 1. Lines without text are left out. What `use` throws, this throws.
 * @throws {DatasetRefusedError}
 */
export async function eachRecord(
  path: string,
  delimiter: string,
  use: (fields: readonly string[], line: number) => void,
): Promise<void> {
  const lines = new RecordLines();
  const parser = new Parser({
    bom: true,
    delimiter,
    // One more than may be used, with all that follows in it: a line of delimiters makes no long array.
    ignore_last_delimiters: MOST_COLUMNS + 1,
    max_record_size: MOST_RECORD_BYTES,
    on_record: (fields: string[], { lines: line }) => {
      use(fields, lines.startOf(fields, line));
      // Nothing goes on to the stream's reader.
      return null;
    },
    // Files put together from others may have several of these.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  const nothing = new Writable({ objectMode: true, write: (_record, _encoding, done) => done() });
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: CHUNK_BYTES }),
      (chunks: AsyncIterable<Buffer>) => onlyUtf8(chunks, path),
      parser,
      nothing,
    );
  } catch (error) {
    throw error instanceof CsvError ? refusalOf(error, lines.next) : error;
  }
}

/** The lines of records. The parser knows where each ends, but counts a CRLF within quotes as two. */
class RecordLines {
  #end = 0;
  #countedTwice = 0;

  /** The line behind the last record: where the next one starts, unless lines are empty. */
  get next(): number {
    return this.#end + 1;
  }

  /** lines: as the parser counts. */
  startOf(fields: readonly string[], lines: number): number {
    let breaks = 0;
    if (lines - this.#countedTwice > this.#end + 1) {
      for (const field of fields) {
        const found = field.match(/\r\n|\n|\r/g) ?? [];
        breaks += found.length;
        this.#countedTwice += found.filter((text) => text === '\r\n').length;
      }
    }
    this.#end = lines - this.#countedTwice;
    return this.#end - breaks;
  }
}

/** line: where the record starts. */
function refusalOf(error: CsvError, line: number): DatasetRefusedError {
  const problem = problemOf(error);
  return new DatasetRefusedError(
    `The file is not the CSV that it should be: line ${line}, or one soon after it. ${problem}`,
    [{ line, problem }],
  );
}

function problemOf({ code, message }: CsvError): string {
  switch (code as string) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'A quote is opened and never closed. Close it, or double quotes that are part of the text: "".';
    case 'CSV_MAX_RECORD_SIZE':
      return `The record has more than ${MOST_RECORD_BYTES} bytes; perhaps a quote is never closed.`;
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
      return 'A quote stands within a field. Put the whole field in quotes, and double those within: "5"" pipe".';
    default:
      return message;
  }
}
