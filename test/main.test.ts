import { once } from 'node:events';
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../src/process/redis-address.ts';
import { connectForWorkers } from '../src/redis/connections.ts';
import { descendantsOf, type ProcessEntry, stillAlive } from './support/processes.ts';
import { start, startReady } from './support/started-descent.ts';
import type { StartedProgram } from './support/started-program.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

/** Starts the built program as `npm start` does, with real children and a real Redis. */

const START_TIMEOUT_MS = 120_000;

const noRedis = inject('redisBinary') === null;

/** The only process of this tree whose command line contains these words. */
function find(program: StartedProgram, words: string): ProcessEntry {
  const found = descendantsOf(program.pid).filter(({ command }) => command.includes(words));
  expect(found, `processes with ${words}`).toHaveLength(1);
  return found[0];
}

function connect(folder: string) {
  const redis = connectForWorkers(parseRedisUrl(`unix:${join(folder, 'data/run/redis.sock')}`), () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

const gone = (tree: readonly ProcessEntry[]) =>
  expect.poll(() => stillAlive(tree), { timeout: 5_000 }).toEqual([]);

describe('npm start', { timeout: START_TIMEOUT_MS }, () => {
  it.skipIf(noRedis)('prints where everything is, answers, and stops in order on Ctrl-C', async () => {
    const { program, folder, url } = await startReady();
    expect(program.output).toContain(`  Docs   ${url}/docs`);
    expect(program.output).toMatch(
      / {2}Redis {2}private (Redis|Valkey) server v=.*, data in .*data\/redis$/m,
    );
    expect(program.output).toContain(`curl -X POST ${url}/jobs -H 'Content-Type: application/json' -d '{}'`);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const tree = descendantsOf(program.pid);
    program.kill('SIGINT');
    program.kill('SIGINT'); // npm forwards the signal that the terminal has already sent.
    expect(await program.ended).toBe(0);
    expect(stillAlive(tree)).toEqual([]);
    expect(await readFile(join(folder, 'data/redis/redis.log'), 'utf8')).toContain('bye bye');
  });

  it.skipIf(noRedis)('leaves no process 5 s after it was killed, even while it trains', async () => {
    const { program, url } = await startReady();
    const spec = { training: { epochs: 1000 } };
    const headers = { 'content-type': 'application/json' };
    const post = () => fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(spec) });
    let answer = await post();
    // On a slow machine it may be overloaded just after its start.
    for (; answer.status === 503; answer = await post()) await answer.text();
    const { id } = (await answer.json()) as { id: string };
    const status = async () =>
      ((await (await fetch(`${url}/jobs/${id}`)).json()) as { status: string }).status;
    await expect.poll(status, { timeout: 60_000 }).toBe('running');
    const tree = descendantsOf(program.pid);
    for (const words of ['redis-wrapper.js', 'unixsocket:', 'server.js', 'workers/main.js', 'trainer']) {
      expect(tree.map(({ command }) => command).join('\n')).toContain(words);
    }
    program.kill('SIGKILL');
    await program.ended;
    await gone(tree);
  });

  it('kills what has not stopped, on the second Ctrl-C', async () => {
    const { program } = await startReady();
    const tree = descendantsOf(program.pid);
    const api = find(program, 'src/server.js');
    process.kill(find(program, 'workers/main.js').pid, 'SIGSTOP');
    program.kill('SIGINT');
    await expect.poll(() => stillAlive([api]), { timeout: 8_000 }).toEqual([]);
    const pressing = setInterval(() => program.kill('SIGINT'), 100);
    expect(await program.ended).toBe(130);
    clearInterval(pressing);
    await gone(tree);
  });

  it('refuses a second start in the same DATA_DIR with one sentence', async () => {
    const first = await startReady();
    const second = await start({ folder: first.folder });
    expect(await second.program.ended).toBe(1);
    expect(second.program.lines).toEqual([
      'Descent is already running in DATA_DIR=./data. Stop it first, or start this one with another DATA_DIR and PORT.',
    ]);
    expect((await fetch(`${first.url}/livez`)).status).toBe(200);
  });

  it('refuses a busy PORT with one sentence, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const { program } = await start({ env: { PORT: String(port) } });
    await program.line(new RegExp(`PORT=${port} .*already`));
    const tree = descendantsOf(program.pid);
    expect(await program.ended).toBe(1);
    expect(program.output).not.toMatch(/^\s+at /m);
    expect(stillAlive(tree)).toEqual([]);
  });

  it('restarts a child that was killed', async () => {
    const { program } = await startReady();
    for (const [name, file] of [
      ['worker', 'workers/main.js'],
      ['API', 'src/server.js'],
    ] as const) {
      const first = find(program, file);
      process.kill(first.pid, 'SIGKILL');
      await program.line(new RegExp(`^The ${name} died \\(SIGKILL\\); restarting it in 0\\.5 s\\.$`));
      await expect
        .poll(() => descendantsOf(program.pid).filter(({ command }) => command.includes(file)).length)
        .toBe(1);
      expect(find(program, file).pid).not.toBe(first.pid);
    }
  });

  it('gives up when a child dies five times in a minute', async () => {
    const { program } = await startReady();
    const tree = descendantsOf(program.pid);
    const killing = setInterval(() => {
      for (const { pid, command } of descendantsOf(program.pid)) {
        if (command.includes('workers/main.js')) process.kill(pid, 'SIGKILL');
      }
    }, 100);
    expect(await program.ended).toBe(1);
    clearInterval(killing);
    expect(program.output).toContain('The worker died five times in a minute (the last time: SIGKILL).');
    expect(stillAlive(tree)).toEqual([]);
  });

  it('names the wrong setting', async () => {
    const { program } = await start({ env: { PORT: 'eighty' } });
    expect(await program.ended).toBe(1);
    expect(program.lines).toEqual([
      'Wrong settings:',
      '  PORT=eighty: expected a whole number from 0 to 65535',
    ]);
  });

  it.skipIf(noRedis)(
    'takes settings from .env, warns once of what it does not know, and stops at a misspelt name',
    async () => {
      const folder = await makeTemporaryFolder();
      await writeFile(join(folder, '.env'), '\uFEFFDATA_DIR=./elsewhere\r\nFOO=1\r\n');
      const { program } = await startReady({ folder });
      expect(program.output).toMatch(/^ {2}Data {3}.*\/elsewhere$/m);
      expect(program.output.match(/FOO/g)).toHaveLength(1);
      await writeFile(join(folder, '.env'), 'PROT=1\n');
      const second = await start({ folder });
      expect(await second.program.ended).toBe(1);
      expect(second.program.lines).toEqual([
        'Wrong names in .env:',
        '  line 1: PROT is not a setting; did you mean PORT?',
      ]);
    },
  );

  it('prints its usage with every setting, and its version', async () => {
    const { program } = await start({ args: ['--help'] });
    expect(await program.ended).toBe(0);
    expect(program.output).toMatch(/Usage: npm start/);
    expect(program.output).toContain('MAX_QUEUED_JOBS');
    const { program: version } = await start({ args: ['--version'] });
    expect(await version.ended).toBe(0);
    expect(version.output).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe.skipIf(noRedis)(
  'the private Redis (needs redis-server or valkey-server)',
  { timeout: START_TIMEOUT_MS },
  () => {
    it('comes back with all written data after it is killed', async () => {
      const { program, folder } = await startReady();
      const redis = connect(folder);
      await redis.set('kept', 'yes');
      process.kill(find(program, 'unixsocket:').pid, 'SIGKILL');
      await program.line(/^The Redis died/);
      expect(await redis.get('kept')).toBe('yes');
    });

    it('runs one at a time, even when its wrapper is killed', async () => {
      const { program, folder } = await startReady();
      const redis = connect(folder);
      await redis.set('kept', 'yes');
      const orphan = find(program, 'unixsocket:');
      process.kill(find(program, 'redis-wrapper.js').pid, 'SIGKILL');
      await program.line(/^The Redis died/);
      await expect.poll(() => stillAlive([orphan]), { timeout: 8_000 }).toEqual([]);
      expect(await redis.get('kept')).toBe('yes');
      await expect.poll(() => find(program, 'unixsocket:').pid).not.toBe(orphan.pid);
    });

    it('loads a file whose last command was cut off by a crash', async () => {
      const { program, folder } = await startReady();
      await connect(folder).set('kept', 'yes');
      program.kill('SIGTERM');
      expect(await program.ended).toBe(0);
      const files = join(folder, 'data/redis/appendonlydir');
      const newest = (await readdir(files))
        .filter((name) => name.endsWith('.incr.aof'))
        .sort()
        .at(-1);
      await appendFile(join(files, newest!), '*3\r\n$3\r\nSET\r\n$4\r\nha');
      await startReady({ folder });
      expect(await connect(folder).get('kept')).toBe('yes');
    });

    it('puts its socket elsewhere when the path of DATA_DIR is too long for one', async () => {
      const { program } = await startReady({ env: { DATA_DIR: `./${'long'.repeat(30)}` } });
      const { command } = find(program, 'unixsocket:');
      const [, socketFolder] = /unixsocket:(\/tmp\/descent-[0-9a-f]{16})\/redis\.sock/.exec(command) ?? [];
      expect(socketFolder).toBeDefined();
      program.kill('SIGTERM');
      expect(await program.ended).toBe(0);
      await rm(socketFolder!, { recursive: true });
    });
  },
);

describe('without redis-server', { timeout: START_TIMEOUT_MS }, () => {
  it('the Redis in memory takes its place, with a warning', async () => {
    const { program, url } = await startReady({ env: { PATH: '/nowhere' } });
    expect(program.output).toMatch(
      /^Warning: Neither valkey-server nor redis-server .* nothing survives a restart/m,
    );
    expect(program.output).toContain('  Redis  js-redis-server, in memory only');
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 10_000 }).toBe(200);
    const tree = descendantsOf(program.pid);
    program.kill('SIGKILL');
    await program.ended;
    await gone(tree);
  });
});
