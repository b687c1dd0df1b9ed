import { z } from 'zod';
import { printable } from '../process/printable.ts';

/** A log line of the API or the worker, as pino writes it. */
const LogLineSchema = z.looseObject({
  level: z.number(),
  time: z.number(),
  name: z.string(),
  msg: z.string().default(''),
  err: z.looseObject({ message: z.string(), stack: z.string().optional() }).optional(),
});

const WARN = 40;
const ERROR = 50;

/** Makes a JSON log line readable; any other line stays as it is. No text in it can move the terminal's cursor. */
export function readableLog(line: string): string {
  const parsed = LogLineSchema.safeParse(parseJson(line));
  if (!parsed.success) return printable(line);
  const { level, time, name, msg, err, pid: _pid, hostname: _hostname, ...details } = parsed.data;
  const clock = new Date(time).toLocaleTimeString('en-GB');
  const severity = level >= ERROR ? 'error: ' : level >= WARN ? 'warning: ' : '';
  const fields = Object.entries(details).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const cause = err === undefined ? '' : `: ${(level >= ERROR && err.stack) || err.message}`;
  const head = printable(`${clock} ${name.padEnd(6)} ${severity}${msg}${fields.join('')}`);
  // Only a stack has lines of its own, and none of them may look like the next log line.
  const [first, ...others] = cause.split('\n').map(printable);
  return [head + first, ...others.map((line) => (/^\s/.test(line) ? line : `  ${line}`))].join('\n');
}

function parseJson(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
