import { EventEmitter, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RestartPolicy } from '../../src/start/restart-policy.ts';
import type { ChildReport, ChildSpec } from '../../src/start/supervised-child.ts';
import { Supervisor } from '../../src/start/supervisor.ts';
import { descendantsOf, stillAlive } from '../support/processes.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

describe('RestartPolicy', () => {
  it('waits 0.5 s, doubles to 10 s, and starts over after a long life', () => {
    const policy = new RestartPolicy();
    const delays = [1, 2, 3, 4, 5, 6, 7].map((nth) => policy.afterDeath(nth * 20_000, 20_000));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(policy.afterDeath(180_000, 40_000)).toBe(500);
    expect(policy.afterDeath(181_000, 1_000)).toBe(1_000);
  });

  it('gives up at the fifth death in a minute, and only then', () => {
    const policy = new RestartPolicy();
    for (const atMs of [0, 10_000, 20_000, 30_000]) expect(policy.afterDeath(atMs, 1)).toBeDefined();
    expect(policy.afterDeath(60_500, 1)).toBeDefined();
    expect(policy.afterDeath(60_600, 1)).toBeUndefined();
  });
});

const IDLE = "setInterval(() => {}, 1000); process.send({ type: 'ready', url: 'pid:' + process.pid });";

/** Longer than any of these tests takes. */
const PATIENT_MS = 600_000;

interface Seen {
  what: 'output' | 'busy' | 'died' | 'ready' | 'failed';
  name: string;
  details: unknown[];
}

/** A supervisor of small scripts, and its reports in order. */
async function supervise(
  stages: { name: string; script: string; stopGraceMs?: number; silenceMs?: number }[][],
) {
  const folder = await makeTemporaryFolder();
  const seen: Seen[] = [];
  const news = new EventEmitter();
  const note =
    (what: Seen['what']) =>
    (name: string, ...details: unknown[]) => {
      seen.push({ what, name, details });
      news.emit('news');
    };
  const report: ChildReport = {
    output: note('output'),
    busy: note('busy'),
    died: note('died'),
    ready: note('ready'),
    failed: note('failed'),
  };
  const specs = await Promise.all(
    stages.map((stage) =>
      Promise.all(
        stage.map(
          async ({ name, script, stopGraceMs = 5_000, silenceMs = PATIENT_MS }): Promise<ChildSpec> => {
            const entry = join(folder, `${name}.cjs`);
            await writeFile(entry, script);
            return { name, entry, args: [], env: process.env, stopGraceMs, silenceMs };
          },
        ),
      ),
    ),
  );
  const supervisor = new Supervisor(specs, report);
  onTestFinished(() => supervisor.kill());
  const until = async (isSeen: (one: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const found = seen.find(isSeen);
      if (found !== undefined) return found;
      await once(news, 'news');
    }
  };
  return { supervisor, seen, until };
}

const pidOf = (ready: Seen): number => Number(String(ready.details[0]).slice('pid:'.length));

describe('Supervisor', () => {
  it('starts a stage when the one before is ready, and stops in reverse order', async () => {
    const bye = (name: string) =>
      `process.on('SIGTERM', () => { console.log('bye ${name}'); process.exit(); });`;
    const { supervisor, seen } = await supervise([
      [{ name: 'redis', script: `${bye('redis')} setTimeout(() => { ${IDLE} }, 100)` }],
      [
        { name: 'worker', script: bye('worker') + IDLE },
        { name: 'api', script: bye('api') + IDLE },
      ],
    ]);
    await supervisor.start();
    expect(seen[0]).toMatchObject({ what: 'ready', name: 'redis' });
    await supervisor.stop();
    const byes = seen.filter(({ what }) => what === 'output').map(({ details }) => details[0]);
    expect(byes).toEqual(['bye api', 'bye worker', 'bye redis']);
    expect(seen.some(({ what }) => what === 'died')).toBe(false);
  });

  it('restarts a child that was killed', async () => {
    const { supervisor, until } = await supervise([[{ name: 'worker', script: IDLE }]]);
    await supervisor.start();
    const first = await until(({ what }) => what === 'ready');
    process.kill(pidOf(first), 'SIGKILL');
    expect(await until(({ what }) => what === 'died')).toMatchObject({ details: ['SIGKILL', 500] });
    const second = await until((one) => one.what === 'ready' && one !== first);
    expect(pidOf(second)).not.toBe(pidOf(first));
  });

  it('gives up after five deaths and quotes the last lines', { timeout: 120_000 }, async () => {
    const script = "console.error('no such dataset'); process.exit(3)";
    const { supervisor, seen, until } = await supervise([[{ name: 'worker', script }]]);
    void supervisor.start();
    const failed = await until(({ what }) => what === 'failed');
    expect(failed.details).toEqual([
      'The worker died five times in a minute (the last time: exit code 3).',
      ['no such dataset'],
    ]);
    expect(seen.filter(({ what }) => what === 'died').map(({ details }) => details[1])).toEqual([
      500, 1_000, 2_000, 4_000,
    ]);
  });

  it('does not restart a child that refused to start', async () => {
    const script = "process.send({ type: 'refused', reason: 'PORT is busy.' }, () => process.exit(78))";
    const { supervisor, seen, until } = await supervise([[{ name: 'api', script }]]);
    void supervisor.start();
    expect(await until(({ what }) => what === 'failed')).toMatchObject({ details: ['PORT is busy.', []] });
    expect(seen).toHaveLength(1);
  });

  it('kills a child that does not stop in time, with its own children', async () => {
    const script = `
      process.on('SIGTERM', () => {});
      const { spawn } = require('node:child_process');
      const stubborn = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')"]);
      stubborn.stdout.once('data', () => { console.log('grandchild', stubborn.pid); ${IDLE} });`;
    const { supervisor, until } = await supervise([[{ name: 'worker', script, stopGraceMs: 100 }]]);
    await supervisor.start();
    const line = await until(({ what }) => what === 'output');
    const group = descendantsOf(process.pid).filter(({ command }) => command.includes('SIGTERM'));
    expect(group.map(({ pid }) => `grandchild ${pid}`)).toContain(line.details[0]);
    await supervisor.stop();
    await expect.poll(() => stillAlive(group)).toEqual([]);
  });

  it('kills a child that goes silent, with its own children, and starts it again', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const below = spawn(process.execPath, ['-e', "console.log('up'); setInterval(() => {}, 1000)"]);
      below.stdout.once('data', () => { console.log('grandchild', below.pid); ${IDLE} });`;
    const { supervisor, until } = await supervise([[{ name: 'worker', script, silenceMs: 1_000 }]]);
    await supervisor.start();
    const line = await until(({ what }) => what === 'output');
    const below = descendantsOf(process.pid).filter(({ pid }) => `grandchild ${pid}` === line.details[0]);
    expect(below).toHaveLength(1);
    const died = await until(({ what }) => what === 'died');
    expect(died.details).toEqual(['no sign of life for 1 s', 500]);
    await expect.poll(() => stillAlive(below)).toEqual([]);
    await until((one) => one.what === 'ready' && one.details[0] !== undefined && one !== died);
  });

  it('lets a child live that beats, however little else it does', async () => {
    const beats =
      "let n = 0; setInterval(() => { process.send({ type: 'alive' }); if (++n === 40) console.log('old'); }, 100);";
    const { supervisor, seen, until } = await supervise([
      [{ name: 'api', script: beats + IDLE, silenceMs: 1_000 }],
    ]);
    await supervisor.start();
    await until(({ what }) => what === 'output');
    expect(seen.some(({ what }) => what === 'died')).toBe(false);
  });

  it('reports an unknown message of a child', async () => {
    const script = `process.send({ type: 'hello' }); ${IDLE}`;
    const { supervisor, until } = await supervise([[{ name: 'worker', script }]]);
    await supervisor.start();
    const output = await until(({ what }) => what === 'output');
    expect(output.details[0]).toContain('{"type":"hello"}');
  });
});
