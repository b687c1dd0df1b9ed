import { resolve } from 'node:path';

/** The command `descent`, as the build leaves it. */
export const COMMAND = resolve('dist/src/cli/main.js');

/** A value of JSON a line. */
export const lines = (json: string): unknown[] =>
  json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

/** A spec as the pairs of `--set`, one for each of its values. */
export const pairsOf = (value: unknown, path = ''): string[] => {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return [`${path}=${value.join()}`];
  if (typeof value !== 'object' || value === null) return [`${path}=${value}`];
  const entries = Object.entries(value);
  if (Array.isArray(value) || entries.length === 0) return [`${path}=${JSON.stringify(value)}`];
  return entries.flatMap(([key, child]) => pairsOf(child, path === '' ? key : `${path}.${key}`));
};
