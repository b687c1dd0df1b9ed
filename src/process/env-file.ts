import { lstatSync, readFileSync } from 'node:fs';
import { ConfigError } from './config-error.ts';

/**
 * Reads a `.env` file of `NAME=value` lines, empty lines and comments. A value may be in quotes of one kind ('...',
 * "..." or `...`); an unquoted value ends before a blank and #. `export` before the name is allowed.
 */

/** The settings of a file, in its order; a repeated name has its last value. */
export type EnvFile = ReadonlyMap<string, { value: string; lines: readonly number[] }>;

const UTF_8_BOM = '\uFEFF';
const SAVE_AS = 'Save it as UTF-8.';

/** One assignment with its end of line; the kind of quotes decides which of four groups holds the value. */
const ASSIGNMENT =
  /[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?:'([^']*)'|"([^"]*)"|`([^`]*)`|((?!['"`])(?:(?![ \t]+#)[^\n])*?))[ \t]*(?:(?<=[ \t=])#[^\n]*)?(?:\n|$)/y;
/** A quote left open ends at the next quote, which swallows the settings in between. */
const SWALLOWED = /\n[ \t]*(?:export[ \t]+)?[A-Z][A-Z0-9_]*[ \t]*=/;
const NO_ASSIGNMENT = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;

/**
 * Reads the file, or undefined where there is none.
 * @throws {ConfigError} when it cannot be read to its end.
 */
export function readEnvFile(path: string): EnvFile | undefined {
  try {
    return parseEnvFile(decode(readFileSync(path), path), path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const reasons: Record<string, string> = {
      EISDIR: 'it is a folder. Remove it, or write a file in its place',
      EACCES: 'this user may not read it',
      EPERM: 'this user may not read it',
      ENOENT: 'it is a link to a file that does not exist',
    };
    throw new ConfigError(`${path} cannot be read: ${reasons[code ?? ''] ?? message}.`);
  }
}

function decode(bytes: Buffer, path: string): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) throw new ConfigError(`${path} is encoded as UTF-16, as PowerShell's > writes it. ${SAVE_AS}`);
  const nulAt = bytes.indexOf(0);
  if (nulAt >= 0) {
    throw new ConfigError(
      `${path} has a NUL byte in line ${lineAt(bytes, nulAt)}; it may be UTF-16. ${SAVE_AS}`,
    );
  }
  const text = bytes.toString('utf8');
  const damagedAt = Buffer.from(text).findIndex((byte, k) => byte !== bytes[k]);
  if (damagedAt >= 0)
    throw new ConfigError(`${path} is not UTF-8 in line ${lineAt(bytes, damagedAt)}. ${SAVE_AS}`);
  return text.startsWith(UTF_8_BOM) ? text.slice(1) : text;
}

const lineAt = (bytes: Buffer, offset: number): number =>
  bytes.toString('latin1', 0, offset).split(/\r\n?|\n/).length;

function parseEnvFile(withAnyEnds: string, path: string): EnvFile {
  const text = withAnyEnds.replaceAll(/\r\n?/g, '\n');
  const found = new Map<string, { value: string; lines: readonly number[] }>();
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const match = matchAt(NO_ASSIGNMENT, text, at) ?? matchAt(ASSIGNMENT, text, at);
    if (match === null || SWALLOWED.test(match[0])) {
      // Not quoted: the line may contain a secret.
      throw new ConfigError(
        `${path} cannot be read: line ${line} is not NAME=value, with the value in quotes that match or in none.`,
      );
    }
    const [whole, name, single, double, backtick, bare] = match;
    if (name !== undefined) {
      const value = single ?? double?.replaceAll('\\n', '\n') ?? backtick ?? bare ?? '';
      found.set(name, { value, lines: [...(found.get(name)?.lines ?? []), line] });
    }
    at += whole.length;
    line += whole.split('\n').length - 1;
  }
  return found;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
