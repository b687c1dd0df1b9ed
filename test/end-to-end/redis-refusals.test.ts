import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describe, expect, inject, it } from 'vitest';
import { buildKeys } from '../../src/store/keys.ts';
import { grant } from '../support/acl.ts';
import { listProcesses, residentBytes } from '../support/processes.ts';
import { startRedis } from '../support/redis-server.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

/** A Redis that refuses commands: the worker waits, retries rarely, stays small, and resumes when it can. */

const PREFIX = 'refusals';
const { root } = buildKeys(PREFIX);

const WINDOW_MS = 2_000;
/** A look at all rights is 60 of them, and there is one every two seconds. What spins sends thousands. */
const MOST_COMMANDS_PER_SECOND = 100;
const MOST_GROWTH_BYTES = 40e6;

interface Refusal {
  name: string;
  begin: (admin: Redis, disk: string) => Promise<unknown>;
  end: (admin: Redis) => Promise<unknown>;
}

const acl = (admin: Redis, ...rules: string[]) => admin.call('ACL', 'SETUSER', 'u', ...rules);
const loggedOut = (admin: Redis, ...rules: string[]) =>
  acl(admin, ...rules).then(() => admin.call('CLIENT', 'KILL', 'USER', 'u'));

const REFUSALS: Refusal[] = [
  ...['evalsha', 'bzpopmin'].map((command) => ({
    name: `its user may not ${command}`,
    begin: (admin: Redis) => acl(admin, `-${command}`),
    end: (admin: Redis) => acl(admin, `+${command}`),
  })),
  {
    name: 'its user may do nothing',
    begin: (admin) => acl(admin, 'resetkeys', 'resetchannels', '-@all'),
    end: (admin) => grant(admin, root, 'u'),
  },
  {
    name: 'its password was changed',
    begin: (admin) => loggedOut(admin, 'resetpass', '>another'),
    end: (admin) => acl(admin, '>secret'),
  },
  {
    name: 'it became a replica',
    begin: (admin) => admin.replicaof('127.0.0.1', 1),
    end: (admin) => admin.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'it is full',
    begin: (admin) => admin.config('SET', 'maxmemory', '1'),
    end: (admin) => admin.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'its disk fails',
    begin: async (admin, disk) => {
      await rmdir(disk);
      await admin.config('SET', 'save', '1000000 1000000');
      await admin.bgsave();
      await expect.poll(() => admin.info('persistence')).toContain('rdb_last_bgsave_status:err');
    },
    end: (admin) => admin.config('SET', 'stop-writes-on-bgsave-error', 'no'),
  },
];

/** Number of commands of all clients so far. */
async function commands(admin: Redis): Promise<{ ran: number; refused: number }> {
  const info = await admin.info('stats');
  const [, ran] = /total_commands_processed:(\d+)/.exec(info)!;
  const [, refused] = /total_error_replies:(\d+)/.exec(info)!;
  return { ran: Number(ran), refused: Number(refused) };
}

async function commandsSoFar(admin: Redis): Promise<number> {
  const { ran, refused } = await commands(admin);
  return ran + refused;
}

/**
 * Begins a refusal and waits until Redis has refused two commands: a blocking fetch that began before may last 5 s, and
 * only the fetches after it could spin.
 */
async function beginAndWait(refusal: Refusal, admin: Redis, disk: string): Promise<void> {
  const before = (await commands(admin)).refused;
  await refusal.begin(admin, disk);
  await expect
    .poll(async () => (await commands(admin)).refused, { timeout: 60_000, interval: 200 })
    .toBeGreaterThanOrEqual(before + 2);
}

async function start(workers: number) {
  const disk = await makeTemporaryFolder();
  const server = await startRedis(['maxmemory-policy noeviction', `dir ${disk}`]);
  const admin = server.admin();
  await grant(admin, root, 'u');
  const descent = await Installation.start({
    workers: 0,
    env: { REDIS_URL: server.url, KEY_PREFIX: PREFIX },
  });
  const asUser = { REDIS_URL: server.urlAs('u', 'secret') };
  const worker = workers === 0 ? undefined : await descent.startWorker(asUser);
  return { disk, admin, descent, asUser, worker };
}

describe.skipIf(inject('redisBinary') === null)('a Redis that refuses', { timeout: 240_000 }, () => {
  it('makes a worker wait, and lets it resume when the reason is gone', async () => {
    const { disk, admin, descent, worker } = await start(1);
    await descent.toEnd((await descent.create(SMALL)).id);
    for (const refusal of REFUSALS) {
      const { name, end } = refusal;
      await beginAndWait(refusal, admin, disk);
      const bytes = residentBytes(worker!.pid);
      const before = await commandsSoFar(admin);
      await sleep(WINDOW_MS);
      const rate = ((await commandsSoFar(admin)) - before) / (WINDOW_MS / 1000);
      expect(rate, name).toBeLessThan(MOST_COMMANDS_PER_SECOND);
      expect(residentBytes(worker!.pid) - bytes, name).toBeLessThan(MOST_GROWTH_BYTES);
      await end(admin);
      const { id } = await descent.create(SMALL);
      expect((await descent.toEnd(id)).at(-1)?.type, name).toBe('job.succeeded');
    }
    expect(worker!.alive).toBe(true);
  });

  it.each(['its user may not evalsha', 'it became a replica'])('lets a worker stop: %s', async (name) => {
    const { disk, admin, worker } = await start(1);
    await beginAndWait(REFUSALS.find((refusal) => refusal.name === name)!, admin, disk);
    const startedMs = performance.now();
    await worker!.stop();
    expect(performance.now() - startedMs).toBeLessThan(9_000);
  });

  it('lets a worker exit with its parent, however the parent died', async () => {
    const { disk, admin, descent, asUser } = await start(0);
    const code = `const child = require('node:child_process').fork('dist/workers/main.js', { execArgv: [] });
      child.on('message', ({ type }) => console.log(type, child.pid));`;
    const parent = spawn(process.execPath, ['-e', code], {
      env: {
        PATH: process.env.PATH,
        ...asUser,
        KEY_PREFIX: PREFIX,
        DATA_DIR: descent.dataDir,
        LOG_LEVEL: 'fatal',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(/^ready (\d+)$/.exec(line)![1]);
    await beginAndWait(REFUSALS[0], admin, disk);
    parent.kill('SIGKILL');
    await expect
      .poll(() => listProcesses().some((entry) => entry.pid === pid), { timeout: 5_000 })
      .toBe(false);
  });
});
