import { open } from 'node:fs/promises';
import { COMMA, isMissing, numberIn, POINT } from './number-text.ts';
import { type CsvOptions, DELIMITERS, type Delimiter } from './options.ts';
import { refuseForeign } from './utf8-file.ts';

/** How a CSV file is written, where the options do not say. */

const SAMPLE_BYTES = 2 ** 16;
const SAMPLE_LINES = 100;

/** In this order when several divide all lines alike: 1,5;2,5 has as many commas in each line as semicolons. */
const CANDIDATES: readonly Delimiter[] = ['tab', 'semicolon', 'comma'];

/** @throws {DatasetRefusedError} if the file is no text */
export async function findDelimiter(path: string, { delimiter }: CsvOptions): Promise<Delimiter> {
  const sample = await startOf(path);
  refuseForeign(sample);
  if (delimiter !== undefined) return delimiter;
  const lines = sampleLines(sample.toString('utf8'));
  const counts = CANDIDATES.map((name) => ({
    name,
    counts: lines.map((line) => line.split(DELIMITERS[name]).length - 1),
  }));
  const even = counts.find(
    ({ counts: [first, ...others] }) => first! > 0 && others.every((n) => n === first),
  );
  if (even !== undefined) return even.name;
  // A line has too many or too few; which one is told when it is read.
  const [most] = counts.toSorted((a, b) => (b.counts[0] ?? 0) - (a.counts[0] ?? 0));
  return (most!.counts[0] ?? 0) > 0 ? most!.name : 'comma';
}

async function startOf(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The first lines, without what stands in quotes, and without the last of the sample, which may be cut. */
function sampleLines(text: string): string[] {
  const unquoted = text.replaceAll(/"[^"]*(?:"|$)/g, '');
  const lines = unquoted.split(/\r\n|\n|\r/);
  if (lines.length > 1) lines.pop();
  return lines.filter((line) => /[^ ]/.test(line)).slice(0, SAMPLE_LINES);
}

/**
 * Whether a first line has names: no number, at most one field empty (pandas writes its row numbers without a name), and
 * no two alike, unless they are no sign of a missing value and the next line has numbers. Or it is 0, 1, 2 ..., which
 * pandas calls columns without names.
 */
export function looksLikeNames(fields: readonly string[], next: readonly string[] | undefined): boolean {
  const named = fields.filter((field) => field !== '');
  if (named.length < fields.length - 1) return false;
  if (isCounted(fields)) return true;
  if (named.some(isNumber)) return false;
  if (new Set(named).size === named.length) return true;
  return next?.some(isNumber) === true && !named.some(isMissing);
}

const isNumber = (field: string): boolean =>
  !Number.isNaN(numberIn(field, POINT)) || !Number.isNaN(numberIn(field, COMMA));

/** 0, 1, 2 and so on, three at least, behind the field of row numbers or not. */
function isCounted(fields: readonly string[]): boolean {
  const names = fields[0] === '' ? fields.slice(1) : fields;
  return names.length > 2 && names.every((name, k) => name === String(k));
}
