import { type Logger, type LoggerOptions, pino } from 'pino';
import { printableJsonLine } from './printable.ts';
import { Repeats } from './repeats.ts';

/** The log of a process: JSON lines on stdout, each event one line, whatever text a client sent. */

const WARN = 40;
const ERROR = 50;

/** Ids, addresses and durations: the parts that differ between two lines about the same fault. */
const WORDS_WITH_DIGITS = /[\w-]*\d[\w-]*/g;
const LONGEST_KEY = 300;

interface Details {
  err?: unknown;
  reason?: unknown;
  code?: unknown;
}

/**
 * Makes the log of this process. A warning or error that repeats one of the last minute is counted, not written; the
 * count follows a minute later, or when the process ends, as `repeated` in the last such line.
 */
export function createLog(name: string, level: string): Logger {
  const repeats = new Repeats();
  // Registered before pino's own listeners, which flush its buffer and close it.
  for (const event of ['beforeExit', 'exit'] as const) process.once(event, () => repeats.flush());
  const stdout = pino.destination(1);
  const options: LoggerOptions = {
    name,
    level,
    serializers: { err: describeError },
    hooks: {
      logMethod(args, method, lineLevel) {
        if (lineLevel !== WARN && lineLevel !== ERROR) return method.apply(this, args);
        const [details, text] = detailsAndText(args);
        const isFirst = repeats.isFirst(keyOf(lineLevel, text, details), (repeated) =>
          method.call(this, { ...details, repeated }, text),
        );
        if (isFirst) method.apply(this, args);
      },
    },
  };
  return pino(options, { write: (line) => void stdout.write(printableJsonLine(line)) });
}

/** Handles pino's three call forms: a text, an error, or details with a text. */
function detailsAndText([first, text]: readonly unknown[]): [details: Details, text: string] {
  if (typeof first === 'string') return [{}, first];
  if (first instanceof Error) return [{ err: first }, String(text ?? first.message)];
  return [first as Details, String(text ?? '')];
}

function keyOf(level: number, text: string, { err, reason, code }: Details): string {
  const fault = err instanceof Error ? `${err.name} ${messageOf(err)}` : '';
  const words = [text, fault, reason, code].join('|').slice(0, LONGEST_KEY);
  return `${level} ${words.replaceAll(WORDS_WITH_DIGITS, '#')}`;
}

/**
 * An error for the log, without its other properties: the Redis client adds the refused command, which may contain a
 * password or a whole record.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: messageOf(error),
    stack: stackOf(error),
    ...(code !== undefined && { code }),
  };
}

/** An error's message, or those of its parts: a connection that failed on several addresses has no message itself. */
export function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors
    .map((each: unknown) => (each instanceof Error ? each.message : String(each)))
    .join('; ');
}

/** An error with its causes, as a stack trace. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
