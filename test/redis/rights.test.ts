import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsOf, grantLine, type Role } from '../../src/redis/rights.ts';

/** The list of rights, held against all that sends commands: our code, our Lua and BullMQ's. */

const TRANSITIONS = 'src/store/transitions';
const BULLMQ = 'node_modules/bullmq/dist/cjs/scripts';

/** What each kind of process runs. A script of BullMQ's that another option of it would run is not needed. */
const SCRIPTS: Record<Role, string[]> = {
  api: [
    ...['record', 'commit', 'create', 'cancel', 'remove'].map((name) => join(TRANSITIONS, `${name}.lua`)),
    join(BULLMQ, 'addStandardJob-9.js'),
  ],
  worker: [
    ...readdirSync(TRANSITIONS)
      .filter((name) => name !== 'create.lua' && name !== 'cancel.lua')
      .map((name) => join(TRANSITIONS, name)),
    ...[
      'addStandardJob-9',
      'extendLock-2',
      'moveStalledJobsToWait-9',
      'moveToActive-11',
      'moveToFinished-14',
    ].map((name) => join(BULLMQ, `${name}.js`)),
  ],
};

/** What is called outside of scripts, with the reason where it is no plain call of ours. */
const OUTSIDE: Record<Role, string[]> = {
  api: [
    ...['eval', 'evalsha', 'multi', 'exec', 'discard', 'info', 'subscribe', 'unsubscribe'],
    ...['exists', 'get', 'hget', 'hgetall', 'hmget', 'mget', 'scard', 'set', 'srem', 'xrange', 'zcard'],
    ...['zrange', 'zrank', 'zrem', 'zrevrangebylex'],
  ],
  worker: [
    ...['eval', 'evalsha', 'multi', 'exec', 'discard', 'info', 'subscribe', 'unsubscribe', 'bzpopmin'],
    ...[
      'del',
      'exists',
      'get',
      'hget',
      'hgetall',
      'hmget',
      'hset',
      'pexpire',
      'scard',
      'set',
      'smembers',
      'srem',
      'type',
      'xrange',
    ],
    ...['time', 'zadd', 'zcard', 'zrange', 'zrangebyscore', 'zrem', 'zremrangebyscore', 'zscore'],
  ],
};

/** The first argument of each call in Lua, planned or made. BullMQ passes LPUSH or RPUSH in a variable. */
function calledBy(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const called = text.matchAll(/\b(?:rcall|plan|redis\.p?call)\(\s*(?:["']([A-Za-z]+)["']|(pushCmd))/g);
  const planned = text.matchAll(/\{ '([A-Z]+)'/g);
  return [...called, ...planned].flatMap(([, name]) =>
    name === undefined ? ['lpush', 'rpush'] : [name.toLowerCase()],
  );
}

describe('the list of rights', () => {
  it.each(['api', 'worker'] as const)('is what the %s sends, and nothing else', (role) => {
    const called = new Set([...SCRIPTS[role].flatMap(calledBy), ...OUTSIDE[role]]);
    expect(commandsOf(role).toSorted()).toEqual([...called].toSorted());
  });

  it('is the line of the README', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(`\n${grantLine('{descent}:', 'descent')}\n`);
  });
});
