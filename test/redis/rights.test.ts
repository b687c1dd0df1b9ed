import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsOf, grantLine, type Role } from '../../src/redis/rights.ts';
import { PRELUDE } from '../../src/store/transition-runner.ts';

/** Compares the list of rights with everything that sends commands: our code, our Lua and BullMQ's. */

const TRANSITIONS = 'src/store/transitions';
const BULLMQ = 'node_modules/bullmq/dist/cjs/scripts';

/** The scripts that each kind of process runs. BullMQ's scripts for options that we do not use are left out. */
const SCRIPTS: Record<Role, string[]> = {
  api: [
    ...[...PRELUDE, 'commit', 'create', 'cancel', 'remove', 'put_dataset', 'drop_dataset'].map((name) =>
      join(TRANSITIONS, `${name}.lua`),
    ),
    ...['api-keys', 'job-views', 'jobs', 'live-jobs', 'index-walk', 'owners', 'webhook-messages'].map(
      (name) => `src/store/${name}.ts`,
    ),
    join(BULLMQ, 'addStandardJob-9.js'),
  ],
  worker: [
    ...readdirSync(TRANSITIONS)
      .filter(
        (name) =>
          !['create.lua', 'cancel.lua', 'adopt.lua', 'put_dataset.lua', 'drop_dataset.lua'].includes(name),
      )
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

/** Commands called outside scripts, with the reason where the call is not ours. */
const OUTSIDE: Record<Role, string[]> = {
  api: [
    ...['eval', 'evalsha', 'multi', 'exec', 'discard', 'info', 'subscribe', 'unsubscribe'],
    ...[
      'exists',
      'get',
      'hget',
      'hgetall',
      'hmget',
      'mget',
      'scard',
      'set',
      'srem',
      'xlen',
      'xrange',
      'xrevrange',
      'zcard',
    ],
    ...['time', 'zlexcount', 'zrange', 'zrangebylex', 'zrank', 'zrem'],
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
    ...['mget', 'time', 'zadd', 'zcard', 'zrange', 'zrangebyscore', 'zrem', 'zremrangebyscore', 'zscore'],
  ],
};

/** The command of each call in Lua, planned or made. BullMQ has LPUSH or RPUSH in a variable. */
function calledBy(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const called = text.matchAll(/\b(?:rcall|plan|redis\.p?call)\(\s*(?:["']([A-Za-z]+)["']|(pushCmd))/g);
  const planned = text.matchAll(/\{ '([A-Z]+)'/g);
  return [...called, ...planned].flatMap(([, name]) =>
    name === undefined ? ['lpush', 'rpush'] : [name.toLowerCase()],
  );
}

describe('the list of rights', () => {
  it.each(['api', 'worker'] as const)('has exactly the commands that the %s sends', (role) => {
    const called = new Set([...SCRIPTS[role].flatMap(calledBy), ...OUTSIDE[role]]);
    expect(commandsOf(role).toSorted()).toEqual([...called].toSorted());
  });

  it('matches the line in the README', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(`\n${grantLine('{descent}:', 'descent')}\n`);
  });
});
