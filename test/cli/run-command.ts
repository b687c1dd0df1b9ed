import { resolve } from 'node:path';

/** The command `descent`, as the build leaves it. */
export const COMMAND = resolve('dist/src/cli/main.js');

/** A value of JSON a line. */
export const lines = (json: string): unknown[] =>
  json
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
