import { CommanderError } from 'commander';
import { DescentError } from '../client/descent.ts';
import { printable } from '../process/printable.ts';

/** How the command ends. */
export const EXIT = { succeeded: 0, failed: 1, usage: 2, unreachable: 3, interrupted: 130 } as const;

/** Wrong arguments: the message says which, and what is allowed. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a person knows the place of a JSON Pointer by, such as the option that sets what is there. */
export type NameOf = (pointer: string) => string;

/** A spec that the server refused. */
class RefusedSpec extends DescentError {
  readonly nameOf: NameOf;

  constructor({ code, detail, ...rest }: DescentError, nameOf: NameOf) {
    super(code, detail, rest);
    this.nameOf = nameOf;
  }
}

/** The server's answer to a spec. Each value that it refuses is named as the person wrote it. */
export async function answered<Answer>(answer: Promise<Answer>, nameOf: NameOf): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof DescentError ? new RefusedSpec(error, nameOf) : error;
  }
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
  const { code, status, errors, places, ...described } = describe(error);
  if (asJson)
    console.error(
      JSON.stringify({
        error: { code, status, detail: described.detail, errors, ...(places.length > 0 && { places }) },
      }),
    );
  else {
    const faults = errors.map((fault) => `${nameOf(error, fault)} ${fault.detail}`);
    const detail = faults.length === 1 ? faults[0] : described.detail;
    console.error(printable([detail, ADVICE[code]].filter(Boolean).join(' ')));
    for (const place of places) console.error(printable(`  ${placeOf(place)}`));
    if (faults.length > 1) for (const fault of faults) console.error(printable(`  ${fault}`));
  }
  if (code === 'usage' || status === 400 || status === 422) return EXIT.usage;
  return code === 'unreachable' || code === 'unexpected_response' || status === 503
    ? EXIT.unreachable
    : EXIT.failed;
}

function nameOf(error: unknown, { in: part, pointer }: DescentError['errors'][number]): string {
  const name = error instanceof RefusedSpec && part === 'body' ? error.nameOf(pointer) : pointer;
  return name || 'The spec';
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
