import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClassPredictions, Comparison } from '../../src/client/descent.ts';
import { Installation } from '../end-to-end/installation.ts';
import { type Ended, runProgram } from '../support/run-program.ts';
import { COMMAND, lines } from './run-command.ts';

/** What the command `descent` does with finished jobs, against real processes. */

const descent = await Installation.startForFile();
const folder = join(descent.dataDir, 'here');
const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };

const run = async (...args: string[]): Promise<Ended> =>
  await runProgram(process.execPath, [COMMAND, ...args], { cwd: folder, env });

const SMALL = { dataset: 'mnist_sample', model: { hidden_units: [16] }, training: { epochs: 2 } };

/** A white stroke from top to bottom, which anybody reads as a one. */
function stroke(): Buffer {
  const picture = new PNG({ width: 60, height: 60 });
  for (let i = 0; i < 3600; i += 1) {
    const [x, y] = [i % 60, Math.floor(i / 60)];
    const light = x > 27 && x < 33 && y > 5 && y < 55 ? 255 : 0;
    picture.data.set([light, light, light, 255], 4 * i);
  }
  return PNG.sync.write(picture);
}

const BLACK = Array.from({ length: 784 }, () => 0);

let id: string;
let other: string;

beforeAll(async () => {
  mkdirSync(folder);
  writeFileSync(join(folder, 'one.PNG'), stroke());
  writeFileSync(join(folder, 'rows.csv'), `${BLACK.join()}\n${BLACK.join()}\n`);
  writeFileSync(join(folder, 'rows.json'), JSON.stringify({ inputs: [BLACK] }));
  writeFileSync(join(folder, 'rows.bin'), Uint8Array.from([...BLACK, ...BLACK, ...BLACK]));
  const jobs = [
    await descent.create({ ...SMALL, name: 'first\u001b[2J' }),
    await descent.create({ ...SMALL, optimizer: { type: 'adam', learning_rate: 0.002 } }),
  ];
  for (const job of jobs) await descent.toEnd(job.id);
  [id, other] = jobs.map((job) => job.id) as [string, string];
});

describe('descent predict', () => {
  it('prints a label and its probability for each row', async () => {
    const ended = await run('predict', id, 'one.PNG');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^1 {2}[01]\.\d{4}\n$/);
    expect((await run('predict', id, 'rows.csv')).stdout).toMatch(/^(\d {2}0\.\d{4}\n)\1$/);
  });

  it('takes files of every form at once', async () => {
    const files = ['rows.json', 'rows.csv', 'rows.bin', 'one.PNG'];
    const [plain, json, stretched] = await Promise.all([
      run('predict', id, ...files),
      run('predict', id, ...files, '--json'),
      run('predict', id, 'one.PNG', '--fit', 'stretch', '--json'),
    ]);
    const names = ['rows.json', 'rows.csv', 'rows.csv', 'rows.bin', 'rows.bin', 'rows.bin', 'one.PNG'];
    expect(plain.stdout.match(/^\S+(?= {2}\d {2}[01]\.\d{4}$)/gm)).toEqual(names);
    const answers = lines(json.stdout) as (ClassPredictions & { file: string })[];
    expect(answers.map(({ file, data }) => [file, data.length])).toEqual([
      ['rows.json', 1],
      ['rows.csv', 2],
      ['rows.bin', 3],
      ['one.PNG', 1],
    ]);
    const rows = answers.slice(0, 3).flatMap(({ data }) => data);
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(1);
    const [{ seen }] = lines(stretched.stdout) as [ClassPredictions];
    expect(seen).not.toEqual(answers[3]!.seen);
  });

  it('repeats what the server says of other rows and of a wrong fit', async () => {
    writeFileSync(join(folder, 'short.csv'), '1,2,3\n');
    const [short, fit] = await Promise.all([
      run('predict', id, 'rows.csv', 'short.csv'),
      run('predict', id, 'one.PNG', '--fit', 'squeeze'),
    ]);
    expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining('this model takes 784') });
    expect(fit).toMatchObject({ code: 2, stderr: expect.stringContaining('stretch') });
  });
});

describe('descent jobs', () => {
  it('finds jobs by what they are, in any order', async () => {
    const ids = async (...args: string[]) => {
      const { stdout } = await run('jobs', '--json', ...args);
      return stdout === '' ? [] : lines(stdout).map((job) => (job as { id: string }).id);
    };
    const [adam, none, sorted] = await Promise.all([
      ids('--where', 'optimizer=adam', 'learning_rate=gte:0.002', 'learning_rate=lt:1'),
      ids('--where', 'metadata[team]=a'),
      ids('--sort', 'created_at', '--status', 'succeeded,failed'),
    ]);
    expect([adam, none, sorted]).toEqual([[other], [], [id, other]]);
    const [unknown, wrong] = await Promise.all([
      run('jobs', '--where', 'colour=red'),
      run('jobs', '--where', 'x'),
    ]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('colour') });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('use one such as optimizer=adam'),
    });
  });
});

describe('descent compare', () => {
  it('shows what differs, the results and the order', async () => {
    const [plain, json] = await Promise.all([run('compare', id, other), run('compare', id, other, '--json')]);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    const [comparison] = lines(json.stdout) as [Comparison];
    expect(comparison).toEqual(await (await descent.fetch(`/compare?jobs=${id},${other}`)).json());
    const [first, second] = comparison.jobs.map((job) => job.test_accuracy!.toFixed(4));
    const title = 'first\\u001b[2J';
    expect(plain.stdout.split('\n')[0]!.split(/ {2,}/)).toEqual(['job', title, other]);
    expect(plain.stdout).toMatch(/^optimizer\.type +rmsprop +adam$/m);
    expect(plain.stdout).toMatch(/^optimizer\.beta_1 +- +0\.9$/m);
    expect(plain.stdout).toMatch(new RegExp(`^test accuracy +${first} +${second}$`, 'm'));
    const best = comparison.order.val_loss.map((each) => (each === id ? title : each)).join(', ');
    expect(plain.stdout).toContain(`val_loss          ${best}\n`);
    expect(plain.stdout).toContain(
      `\n${Object.keys(comparison.same).length} other parameters are the same.\n`,
    );
  });

  it('prints CSV', async () => {
    const [long, wide] = await Promise.all([
      run('compare', id, other, '--csv'),
      run('compare', id, other, '--csv', '--shape', 'wide', '--metric', 'accuracy'),
    ]);
    const sent = async (query: string) =>
      await (await descent.fetch(`/compare?jobs=${id},${other}&format=csv${query}`)).text();
    expect(long).toEqual({ code: 0, stdout: await sent(''), stderr: '' });
    expect(wide.stdout).toBe(await sent('&shape=wide&metric=accuracy'));
    expect(wide.stdout.split('\r\n')[0]).not.toBe(long.stdout.split('\r\n')[0]);
    const wrong = await run('compare', id, other, '--csv', '--metric', 'f1');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('val_accuracy') });
  });
});

describe('checkpoints, extend and fork', () => {
  it('list what a job keeps, and go on from it', async () => {
    expect((await run('checkpoints', id)).stdout).toMatch(/^epoch +bytes +sha256\n2 +\d+ +[0-9a-f]{64}\n$/);
    const [extended, forked] = await Promise.all([
      run('extend', id, '3', '--wait', '--json'),
      run('fork', id, '--epochs', '3', '--optimizer', 'sgd', '--name', 'child', '--wait', '--json'),
    ]);
    expect([extended.code, forked.code]).toEqual([0, 0]);
    expect(lines(extended.stdout)[0]).toMatchObject({
      spec: { training: { epochs: 3 } },
      parent: { job: id, epoch: 2, optimizer_state: 'kept' },
    });
    expect(lines(forked.stdout)[0]).toMatchObject({
      spec: { name: 'child', optimizer: { type: 'sgd' } },
      parent: { job: id, optimizer_state: 'new' },
    });
    const child = await run('fork', id, '--from-epoch', '2', '--epochs', '4');
    expect(child).toMatchObject({ code: 0, stdout: expect.stringMatching(/^job_\w+\n$/) });
    expect((await run('show', child.stdout.trim())).stdout).toContain(`${id}, epoch 2`);
    expect((await run('fork', id, '--from-epoch', '1')).stderr).toContain('It has: 2.');
    expect((await run('extend', id, '2')).code).toBe(2);
  });
});
