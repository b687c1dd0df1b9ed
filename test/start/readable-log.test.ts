import { expect, it } from 'vitest';
import { readableLog } from '../../src/start/readable-log.ts';

const time = new Date(2026, 0, 2, 12, 34, 56).getTime();
const base = { time, pid: 1, hostname: 'box', name: 'api' };

it.each([
  [{ level: 30, ...base, msg: 'listening' }, '12:34:56 api    listening'],
  [{ level: 30, ...base, msg: 'removed', removed: 3 }, '12:34:56 api    removed removed=3'],
  [
    {
      level: 40,
      ...base,
      msg: 'Redis',
      err: { type: 'Error', message: 'ECONNREFUSED', stack: 'Error: at x' },
    },
    '12:34:56 api    warning: Redis: ECONNREFUSED',
  ],
  [
    { level: 50, ...base, msg: 'oops', err: { message: 'a', stack: 'Error: a\n at x' } },
    '12:34:56 api    error: oops: Error: a\n at x',
  ],
])('reads %j aloud', (line, text) => {
  expect(readableLog(JSON.stringify(line))).toBe(text);
});

it.each(['', 'Error: x', '{"level":30}', '{broken', '[1]'])('leaves %j as it is', (line) => {
  expect(readableLog(line)).toBe(line);
});
