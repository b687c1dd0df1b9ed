import { Command } from 'commander';
import type { Descent } from '../client/descent.ts';
import { type Context, cancelJob, deleteJob, listJobs, showJob } from './jobs.ts';
import { saveModel } from './model.ts';
import { train } from './train.ts';
import { watch } from './watch.ts';

interface ProgramOptions {
  version: string;
  connect: () => Descent;
  /** Called with the exit code of a command that has run. */
  end: (code: number) => void;
}

const ENVIRONMENT = `
Environment:
  DESCENT_URL      where Descent runs (default http://127.0.0.1:3000)
  DESCENT_API_KEY  the key, where Descent asks for one

Exit codes: 0 succeeded, 1 failed, 2 wrong usage or spec, 3 Descent cannot be reached or cannot work now,
130 stopped with Ctrl-C`;

/** The commands, their options and their help. */
export function buildProgram({ version, connect, end }: ProgramOptions): Command {
  const program = new Command('descent')
    .description('Trains neural networks on a Descent, from a shell.')
    .version(version)
    .addHelpText('after', ENVIRONMENT)
    .exitOverride()
    // Errors are explained in one place; this prints help that was asked for.
    .configureOutput({ writeErr: () => {} });

  const add = (usage: string, description: string, example: string): Command =>
    program
      .command(usage)
      .description(description)
      .option('--json', 'print JSON, one value a line')
      .addHelpText('after', `\nExample:\n  ${example}`);

  /** Runs a command with what every one of them needs. */
  const run =
    <Arguments extends unknown[]>(action: (context: Context, ...args: Arguments) => Promise<number>) =>
    async (...args: [...Arguments, Command]): Promise<void> => {
      const command = args.at(-1) as Command;
      const context = { descent: connect(), asJson: command.opts<{ json?: boolean }>().json === true };
      end(await action(context, ...(args.slice(0, -1) as Arguments)));
    };

  add('train [spec]', 'Create a job from a JSON file (- is standard input), from options, or both.', TRAIN)
    .option('--name <text>', 'a name for people')
    .option('--dataset <name>', 'mnist or mnist_sample')
    .option('--hidden-units <list>', 'widths of the hidden layers, such as 128,64')
    .option('--optimizer <type>', 'rmsprop, sgd, adagrad or adam')
    .option('--learning-rate <number>', "the optimizer's step size")
    .option('--epochs <number>', 'passes over the data')
    .option('--batch-size <number>', 'rows per step')
    .option('--seed <number>', 'decides all that is random')
    .option('--engine <name>', 'auto, native, wasm, reference or tensorflow')
    .option('--idempotency-key <key>', 'a repeat with the same key creates no second job')
    .option('--wait', 'watch the job to its end')
    .action(run(train));
  add(
    'watch <id>',
    'Follow a job to its end. Ctrl-C stops watching, not the job.',
    `descent watch ${ID}`,
  ).action(run(watch));
  add('jobs', 'List jobs, newest first.', 'descent jobs --status succeeded --limit 5')
    .option('--status <status>', 'only jobs with this status')
    .option('--limit <number>', 'at most so many', '20')
    .action(run(listJobs));
  add('show <id>', 'Show a job.', `descent show ${ID}`).action(run(showJob));
  add('cancel <id>', 'Cancel a job.', `descent cancel ${ID}`).action(run(cancelJob));
  add('delete <id>', 'Delete a job that has ended, with its files.', `descent delete ${ID}`).action(
    run(deleteJob),
  );
  add('model <id>', 'Save the model of a finished job.', `descent model ${ID} --format onnx -o digits.onnx`)
    .option('--format <format>', 'safetensors, onnx, keras, weights.h5 or json', 'safetensors')
    .option('-o, --output <file>', 'where to (default: a name from the job, in this folder)')
    .action(run(saveModel));
  return program;
}

const ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W';

const TRAIN = 'descent train --dataset mnist_sample --optimizer adam --learning-rate 0.002 --epochs 3 --wait';
