import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { PredictionList, PredictOptions } from '../client/descent.ts';
import { printable } from '../process/printable.ts';
import { EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';

/** Media types by the ending of a file's name. The bytes of any other file are the rows. */
const TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.csv': 'text/csv',
  '.json': 'application/json',
};

/**
 * Prints a line per row: its label and the label's probability, or its number; before it the file's name if there are
 * several files.
 */
export async function predict(
  { descent, asJson }: Context,
  id: string,
  files: readonly string[],
  options: { fit?: string; checkpoint?: string },
): Promise<number> {
  // All of them, before anything is printed.
  const contents = await Promise.all(files.map(read));
  for (const [i, content] of contents.entries()) {
    const file = files[i]!;
    // The server says which fits and checkpoints there are.
    const answer = await descent.jobs.predict(id, content, options as PredictOptions);
    if (asJson) console.log(JSON.stringify({ file, ...answer }));
    else {
      for (const cells of cellsOf(answer)) {
        console.log(printable((files.length > 1 ? [file, ...cells] : cells).join('  ')));
      }
    }
  }
  return EXIT.succeeded;
}

const cellsOf = (answer: PredictionList): string[][] =>
  answer.task === 'regression'
    ? answer.data.map(({ value }) => [String(value)])
    : answer.data.map(({ label, probability }) => [label, probability.toFixed(4)]);

/** @throws {UsageError} */
async function read(file: string): Promise<Blob> {
  try {
    return new Blob([await readFile(file)], { type: TYPES[extname(file).toLowerCase()] ?? '' });
  } catch (error) {
    throw new UsageError(`The rows cannot be read: ${(error as Error).message}.`);
  }
}
