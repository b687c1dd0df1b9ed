import { CommanderError } from 'commander';
import { DescentError } from '../client/descent.ts';
import { printable } from '../process/printable.ts';

/** How the command ends. */
export const EXIT = { succeeded: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;

/** Wrong arguments: the message says which, and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const ADVICE: Partial<Record<string, string>> = {
  unreachable: 'Start Descent (npm start), or set DESCENT_URL to where it runs.',
  unexpected_response: 'DESCENT_URL names it.',
  unauthenticated: 'The key is read from DESCENT_API_KEY.',
};

/** Explains a failure on standard error, as a line of JSON or for people, and returns the exit code. */
export function explain(error: unknown, asJson: boolean): number {
  // --help and --version end this way, too.
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.succeeded;
  const { code, status, detail, errors, places } = describe(error);
  if (asJson)
    console.error(
      JSON.stringify({ error: { code, status, detail, errors, ...(places.length > 0 && { places }) } }),
    );
  else {
    console.error(printable([detail, ADVICE[code]].filter(Boolean).join(' ')));
    for (const place of places) console.error(printable(`  ${placeOf(place)}`));
    if (errors.length > 1) {
      for (const fault of errors)
        console.error(printable(`  ${fault.pointer || 'The spec'} ${fault.detail}`));
    }
  }
  if (code === 'usage' || status === 400 || status === 422) return EXIT.usage;
  return code === 'unreachable' || code === 'unexpected_response' || status === 503
    ? EXIT.unreachable
    : EXIT.failed;
}

type Described = Pick<DescentError, 'status' | 'detail' | 'errors' | 'places'> & { code: string };

function describe(error: unknown): Described {
  if (error instanceof DescentError) return error;
  const { message, code, path } = error as NodeJS.ErrnoException;
  const isUsage = error instanceof UsageError || error instanceof CommanderError;
  const detail = error instanceof CommanderError ? sentence(message) : message;
  // A file that cannot be written is no fault of this program's, either.
  if (isUsage || path !== undefined) {
    return {
      code: isUsage ? 'usage' : (code ?? 'failed'),
      status: undefined,
      detail,
      errors: [],
      places: [],
    };
  }
  throw error;
}

/** `line 3, column mass, "abc": ...` */
function placeOf({ file, line, row, column, found, problem }: DescentError['places'][number]): string {
  const where = [
    file,
    line === undefined ? undefined : `line ${line}`,
    row === undefined ? undefined : `row ${row}`,
    column === undefined ? undefined : `column ${column}`,
    found === undefined ? undefined : JSON.stringify(found),
  ];
  return `${where.filter((part) => part !== undefined).join(', ')}: ${problem}`;
}

/** commander's `error: unknown option '--x'` as a sentence. */
const sentence = (message: string): string =>
  `${message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/^./, (first) => first.toUpperCase())}${/[.?)]$/.test(message) ? '' : '.'} See --help.`;
