import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Descent, type Job, type JobEvent, type JobSpec } from '../../src/client/descent.ts';
import { Installation } from '../end-to-end/installation.ts';
import { closedUrl } from '../support/closed-port.ts';
import { type Ended, runProgram } from '../support/run-program.ts';
import { StartedProgram } from '../support/started-program.ts';
import { optionedSpecs } from '../support/training-options.ts';
import { COMMAND, lines, pairsOf } from './run-command.ts';

/** The command as a shell runs it, against real processes. */

const SMALL = ['--dataset', 'mnist_sample', '--hidden-units', '16', '--epochs', '2'];
const ENDLESS = [...SMALL.slice(0, -1), '1000', '--engine', 'reference'];

const descent = await Installation.startForFile();
const { jobs } = new Descent({ url: descent.url });
const folder = join(descent.dataDir, 'here');
mkdirSync(folder);
const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };

const run = async (
  args: string[],
  { input = '', url = descent.url }: { input?: string; url?: string } = {},
): Promise<Ended> =>
  await runProgram(process.execPath, [COMMAND, ...args], {
    cwd: folder,
    env: { ...env, DESCENT_URL: url },
    input,
  });

describe('descent', () => {
  it('trains, watches, shows, saves and deletes', async () => {
    const trained = await run([
      'train',
      ...SMALL,
      '--optimizer',
      'adam',
      '--learning-rate',
      '0.002',
      '--wait',
    ]);
    expect(trained.code).toBe(0);
    expect(trained.stdout).toMatch(
      /^queued\nrunning on \w+\nepoch 1\/2 {2}loss .*\nepoch 2\/2 .*\nsucceeded: test accuracy 0\.\d{4}, loss .*\n$/,
    );
    const [id] = /job_\w+/.exec(trained.stderr)!;

    const [watched, listed, shown, saved] = await Promise.all([
      run(['watch', id, '--json']),
      run(['jobs', '--status', 'succeeded', '--json']),
      run(['show', id]),
      run(['model', id, '--format', 'onnx', '-o', 'digits.onnx', '--json']),
    ]);
    expect(lines(watched.stdout)).toEqual(await descent.events(id));
    expect(lines(listed.stdout)).toEqual([await descent.job(id)]);
    expect(shown.stdout).toMatch(/^optimizer +adam, learning_rate 0\.002, /m);
    const model = Buffer.from(await (await descent.fetch(`/jobs/${id}/model?format=onnx`)).arrayBuffer());
    expect(lines(saved.stdout)).toEqual([{ id, file: 'digits.onnx', bytes: model.length }]);
    expect(readFileSync(join(folder, 'digits.onnx'))).toEqual(model);
    expect(readdirSync(folder)).toEqual(['digits.onnx']);
    expect((await run(['model', id, '-o', 'no/such/folder'])).stderr).toContain('ENOENT');

    expect(await run(['delete', id])).toEqual({ code: 0, stdout: `${id} is deleted.\n`, stderr: '' });
    expect(await run(['show', id])).toMatchObject({ code: 1, stdout: '' });
  });

  it('opens the page, or a job on it, in the browser', async () => {
    const browser = join(folder, 'browser');
    const opened = join(folder, 'opened');
    writeFileSync(browser, `#!/bin/sh\nprintf '%s\\n' "$1" >> ${opened}\n`, { mode: 0o755 });
    const { id } = await descent.create({ dataset: 'mnist_sample', training: { epochs: 1 } });
    const addresses = [`${descent.url}/#/jobs`, `${descent.url}/#/jobs/${id}`];
    for (const [i, args] of [['open'], ['open', id]].entries()) {
      const ended = await runProgram(process.execPath, [COMMAND, ...args], {
        cwd: folder,
        env: { ...env, BROWSER: browser },
      });
      expect(ended).toEqual({ code: 0, stdout: `${addresses[i]}\n`, stderr: '' });
    }
    await expect
      .poll(() => readFileSync(opened, 'utf8').split('\n').sort())
      .toEqual(['', ...addresses].sort());
    expect(await run(['open', 'job_00000000000000000000000000'])).toMatchObject({ code: 1, stdout: '' });
  });

  it('prints the id alone, for scripts, and takes a spec from a file or a pipe', async () => {
    const spec = {
      dataset: 'mnist_sample',
      optimizer: { type: 'sgd', momentum: 0.5 },
      training: { epochs: 9, seed: 5 },
    };
    writeFileSync(join(folder, 'spec.json'), JSON.stringify(spec));
    const [fromFile, fromPipe] = await Promise.all([
      run(['train', 'spec.json', '--epochs', '1', '--name', 'a\u001b[2Jb']),
      run(['train', '-', '--optimizer', 'adam', '--json'], { input: JSON.stringify(spec) }),
    ]);
    expect(fromFile.stdout).toMatch(/^job_\w{26}\n$/);
    expect((await descent.job(fromFile.stdout.trim())).spec).toMatchObject({
      optimizer: { type: 'sgd', momentum: 0.5 },
      training: { epochs: 1, seed: 5 },
    });
    const [job] = lines(fromPipe.stdout) as { id: string; spec: object }[];
    expect(job!.spec).toMatchObject({ optimizer: { type: 'adam' }, training: { epochs: 9 } });
    expect((await run(['jobs', '--limit', '2'])).stdout).toContain('a\\u001b[2Jb');
  });

  it('takes whatever training knows as --set, and overrides a file with it', async () => {
    const options = optionedSpecs({ epochs: 1, patience: 1 });
    const specs = [1, 5, 16, 19].map((i) => ({ dataset: 'mnist_sample', ...options[i] }));
    const made = await Promise.all(specs.map((spec) => run(['train', '--json', '--set', ...pairsOf(spec)])));
    const plans = await Promise.all(specs.map((spec) => jobs.validate(spec as JobSpec)));
    expect(made.map(({ stdout }) => (lines(stdout)[0] as Job).spec)).toEqual(plans.map(({ spec }) => spec));

    const { id } = lines(made[0]!.stdout)[0] as Job;
    await jobs.wait(id);
    const forked = await run([
      ...['fork', id, '--json', '--epochs', '2', '--set', 'optimizer.type=lion'],
      ...['optimizer.learning_rate=0.0001', 'checkpoints.keep=all', 'metadata.a.b=7'],
    ]);
    expect(lines(forked.stdout)).toMatchObject([
      {
        parent: { job: id },
        spec: {
          optimizer: { type: 'lion', learning_rate: 0.0001, clipnorm: null },
          training: { epochs: 2 },
          checkpoints: { keep: 'all' },
          metadata: { 'a.b': '7' },
        },
      },
    ]);
    const refused = await run(['fork', id, '--from-epoch', '0', '--set', 'model.dropout=0.1']);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('\n  --from-epoch must be');
    expect(refused.stderr).toContain('\n  --set model is unknown; allowed here: name, ');

    const file = { training: { epochs: 0, early_stopping: { patience: 3 } }, optimizer: { type: 'adam' } };
    const wrong = await run(['train', '-', '--set', 'training.early_stopping.patience=-1'], {
      input: JSON.stringify(file),
    });
    expect(wrong.stderr).toContain('\n  /training/epochs must be');
    expect(wrong.stderr).toContain('\n  --set training.early_stopping.patience must be');
  });

  it('says what the doctor finds, and what a fork goes on from', async () => {
    const trained = await run(['train', ...SMALL, '--optimizer', 'sgd', '--learning-rate', '1e-6', '--wait']);
    expect(trained.code).toBe(0);
    const [id] = /job_\w+/.exec(trained.stderr)!;
    const { verdicts } = await jobs.doctor(id);
    expect(verdicts.map(({ rule }) => rule)).toContain('rate_too_low');
    const linesOf = (text: string) => text.split('\n').filter((line) => line.startsWith('doctor: '));
    expect(linesOf(trained.stdout)).toEqual(
      verdicts.map(
        ({ rule, epoch, detail }) => `doctor: ${rule.replaceAll('_', ' ')} (epoch ${epoch}). ${detail}`,
      ),
    );
    const watched = await run(['watch', id, '--json']);
    const events = lines(watched.stdout) as JobEvent[];
    expect(events.flatMap(({ type, data }) => (type === 'job.verdict' ? [data] : []))).toEqual(verdicts);

    const rate = ['--learning-rate', '0.05', '--epochs', '3', '--wait'];
    const forked = await run(['fork', id, ...rate]);
    expect(forked.code).toBe(0);
    expect(forked.stderr).toMatch(new RegExp(`^job_\\w+ goes on from epoch 2 of ${id}\\.\n$`));
    // The history of the parent comes first; what was found in it is not said again.
    expect(forked.stdout).toMatch(
      /^queued\nrunning on \w+, from epoch 2\nepoch 1\/3 .*\nepoch 2\/3 .*\nepoch 3\/3 .*\nsucceeded: test accuracy .*\n$/,
    );
  });

  it('lists the fields of a spec', async () => {
    const [all, some] = await Promise.all([run(['fields', '--json']), run(['fields', 'optimizer.momentum'])]);
    expect((lines(all.stdout) as { path: string }[]).map(({ path }) => path)).toContain('limits.max_seconds');
    expect(some).toEqual({
      code: 0,
      stdout:
        'optimizer.momentum = 0 (rmsprop, sgd)\n    Share of the previous increment that is added again: 0 to less than 1.\n',
      stderr: '',
    });
  });

  it('stops watching at Ctrl-C, and the job goes on', async () => {
    const program = new StartedProgram(COMMAND, ['train', ...ENDLESS, '--wait'], { cwd: folder, env });
    await program.line(/^epoch 1\/1000 /);
    program.kill('SIGINT');
    expect(await program.ended).toBe(130);
    const [, id] = /the job goes on.*descent watch (\w+)/.exec(program.output)!;
    expect((await descent.job(id!)).status).toBe('running');
    expect((await run(['update', id!, '--name', 'renamed', '--metadata', 'series=a'])).stdout).toContain(
      'renamed',
    );
    expect((await run(['pause', id!, '--now'])).stdout).toBe(`${id} is pausing.\n`);
    await descent.until(id!, 'job.paused');
    expect(await run(['resume', id!])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ is \w+\.\n$/),
    });
    const before = await descent.events(id!);
    await expect.poll(async () => (await descent.events(id!)).length).toBeGreaterThan(before.length);
    const cancelled = await run(['cancel', id!]);
    expect(cancelled).toMatchObject({ code: 0, stdout: `${id} is cancelling.\n` });
    expect(await run(['watch', id!])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\ncancelled\n$/),
    });
  });

  it.each([
    [[], 2, 'Name a command'],
    [['job'], 2, "Unknown command 'job' (Did you mean jobs?)"],
    [['completion', 'fish'], 2, 'Allowed choices are bash, zsh.'],
    [['predict', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', 'missing.png'], 2, 'The rows cannot be read: ENOENT'],
    [['predict', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', '.'], 2, 'The rows cannot be read: EISDIR'],
    [['compare', 'a', 'b'], 1, 'No job has the id "a"'],
    [['compare', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W'], 2, '/jobs'],
    [['compare', 'job_1', 'job_2', '--csv', '--json'], 2, 'choose one'],
    [['compare', 'job_1', 'job_2', '--shape', 'wide'], 2, 'those of --csv: add it'],
    [['show'], 2, "Missing required argument 'id'."],
    [
      ['train', '--epochs', 'ten'],
      2,
      '--epochs must be a whole number from 1 to 1000 (default 10); got "ten"',
    ],
    [['train', '--learning-rate', '1'], 2, '--optimizer must be one of "rmsprop", "sgd"'],
    [['train', '--hidden-units', '8,x'], 2, '--hidden-units must be a whole number from 1 to 4096; got "x"'],
    [['train', '--set', 'model.dropout=1'], 2, '--set model.dropout must be a number from 0 to less than 1'],
    [['train', '--set', 'model.drop=1'], 2, '--set model.drop is unknown; allowed here: hidden_units,'],
    [['train', '--set', 'nonsense.a=1'], 2, '--set nonsense is unknown; allowed here: name, dataset,'],
    [['train', '--set', 'training.early_stopping={'], 2, 'must be an object; it may have monitor, '],
    [['train', '--set', 'spec.json'], 2, '--set "spec.json" is not allowed: use path=value, such as'],
    [
      ['train', '--epochs', '1000', '--set', 'training.log_every=1'],
      2,
      '--set training.log_every must be null or at least 30, since a job may log 50000 steps and this one has 1500000',
    ],
    [['fields', 'training.epoch'], 2, 'A spec has no field "training.epoch": use one of those'],
    [['train', 'missing.json'], 2, 'The spec cannot be read: ENOENT'],
    [['train', '-'], 2, '- is not JSON'],
    [['train', '--webhook', 'https://example.org/'], 2, '--webhook webhooks are off here'],
    [['train', '--epochs', '0', '--seed', '-1'], 2, '\n  --seed must be'],
    [['jobs', '--limit', '0'], 2, '/limit must be a whole number from 1'],
    [['show', '..'], 1, 'ids begin with job_'],
    [
      ['show', 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', '--json'],
      1,
      '{"error":{"code":"job_not_found","status":404,',
    ],
  ])('%j ends with %i', async (args, code, message) => {
    const ended = await run(args);
    expect(ended).toMatchObject({ code, stderr: expect.stringContaining(message) });
    expect(ended.stderr).not.toContain('    at ');
  });

  it('ends with 3 when nothing answers', async () => {
    const url = await closedUrl();
    const [plain, json] = await Promise.all([run(['jobs'], { url }), run(['jobs', '--json'], { url })]);
    expect(plain).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('set DESCENT_URL') });
    expect(json).toMatchObject({ code: 3, stdout: '' });
    expect(lines(json.stderr)).toMatchObject([{ error: { code: 'unreachable' } }]);
    expect(await run(['jobs'], { url: 'nonsense' })).toMatchObject({ code: 2 });
  });

  it('has help with an example for each command', async () => {
    const { stdout } = await run(['--help']);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) .*[A-Z]/gm)].map(([, name]) => name!);
    expect(names).toContain('completion');
    expect(names).not.toContain('complete');
    const helps = await Promise.all(names.map((name) => run([name, '--help'])));
    expect(helps.map(({ code }) => code)).toEqual(names.map(() => 0));
    helps.forEach(({ stdout }, i) => {
      expect(stdout).toContain(`Example:\n  descent ${names[i]} `);
    });
  });
});
