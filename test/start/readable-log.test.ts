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

it('shows what would move the cursor of a terminal as an escape', () => {
  const name = 'x\u001b[2J\u009b1A\r\u202etxt';
  const line = JSON.stringify({ level: 30, ...base, msg: 'job created', name: 'api', job: name });
  expect(readableLog(line).split('\n')).toHaveLength(1);
  expect(readableLog(line)).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
  const forged = { message: 'a', stack: 'Error: a\n12:00:00 api    all is well\n    at x' };
  expect(readableLog(JSON.stringify({ level: 50, ...base, msg: 'oops', err: forged }))).toContain(
    '\n  12:00:00 api    all is well\n    at x',
  );
  expect(readableLog(`Error: ${name}`)).toBe('Error: x\\u001b[2J\\u009b1A\\u000d\\u202etxt');
});
