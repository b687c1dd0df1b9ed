import { Argument, Command } from 'commander';
import type { Descent } from '../client/descent.ts';
import { compareJobs } from './compare.ts';
import { complete, SCRIPTS, SHELLS, type Shell } from './completion.ts';
import { listData, putData, removeData, showData } from './data.ts';
import { EXIT } from './failure.ts';
import { fieldPaths, listFields } from './fields.ts';
import { extendJob, forkJob, listCheckpoints } from './fork.ts';
import {
  type Context,
  cancelJob,
  deleteJob,
  latestIds,
  listJobs,
  pauseJob,
  resumeJob,
  showJob,
  updateJob,
} from './jobs.ts';
import { saveModel } from './model.ts';
import { openPage } from './open.ts';
import { predict } from './predict.ts';
import { train } from './train.ts';
import { verifyJob } from './verify.ts';
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

  const addWithoutJson = (usage: string, description: string, example: string): Command =>
    program.command(usage).description(description).addHelpText('after', `\nExample:\n  ${example}`);

  const add = (usage: string, description: string, example: string): Command =>
    addWithoutJson(usage, description, example).option('--json', 'print JSON, one value a line');

  /** Runs a command with what every one of them needs; its last argument is its own options. */
  const run =
    <Arguments extends unknown[]>(action: (context: Context, ...args: Arguments) => Promise<number>) =>
    async (...args: [...Arguments, Command]): Promise<void> => {
      const { json = false, ...options } = (args.at(-1) as Command).opts<{ json?: boolean }>();
      const context = { descent: connect(), asJson: json };
      end(await action(context, ...([...args.slice(0, -2), options] as Arguments)));
    };

  add('train [spec]', 'Create a job from a JSON file (- is standard input), from options, or both.', TRAIN)
    .option('--name <text>', 'a name for people')
    .option('--dataset <name>', 'a built-in one, or your own: see descent data list')
    .option('--hidden-units <list>', 'widths of the hidden layers, such as 128,64')
    .option('--optimizer <type>', 'rmsprop, sgd, adagrad, adam, adamw, nadam, adamax, adadelta or lion')
    .option('--learning-rate <number>', "the optimizer's step size")
    .option('--loss <name>', 'of a number: mse, mae or huber')
    .option('--epochs <number>', 'passes over the data')
    .option('--batch-size <number>', 'rows per step')
    .option('--seed <number>', 'decides all that is random')
    .option('--priority <number>', 'which of your queued jobs start first: -10 to 10')
    .option('--webhook <url>', 'tell this URL how the job ends; may be repeated', collect)
    .option('--engine <name>', 'auto, native, wasm, reference or tensorflow')
    .option('--set <pairs...>', SET)
    .option('--no-cache', 'train even if an earlier job has the result')
    .option('--idempotency-key <key>', 'a repeat with the same key creates no second job')
    .option('--wait', 'watch the job to its end')
    .action(run(train));
  add(
    'fields [path]',
    'List what a spec may have, or what is in one part of it: each path for --set, with its default.',
    'descent fields training.early_stopping',
  ).action(run(listFields));
  add(
    'watch <id>',
    'Follow a job to its end. Ctrl-C stops watching, not the job.',
    `descent watch ${ID}`,
  ).action(run(watch));
  add(
    'jobs',
    'Find jobs, newest first.',
    'descent jobs --where optimizer=adam val_loss=lt:0.3 --sort -test_accuracy --limit 5',
  )
    .option('--status <status>', 'only jobs with this status, or with one of several, separated by commas')
    .option('--where <filters...>', WHERE)
    .option(
      '--sort <order>',
      'created_at, test_accuracy, val_loss or duration_seconds; - in front: largest first',
    )
    .option('--limit <number>', 'at most so many', '20')
    .action(run(listJobs));
  add('show <id>', 'Show a job.', `descent show ${ID}`).action(run(showJob));
  add('open [id]', 'Open the page, or a job on it, in your browser.', `descent open ${ID}`).action(
    run(openPage),
  );
  add('pause <id>', 'Pause a job: its worker stops at the end of the epoch.', `descent pause ${ID}`)
    .option('--now', 'stop at once; it later goes on from its newest checkpoint')
    .action(run(pauseJob));
  add('resume <id>', 'Let a paused job go on, before all others.', `descent resume ${ID}`).action(
    run(resumeJob),
  );
  add(
    'update <id>',
    'Change the name or metadata of a job, or the priority of a queued one.',
    `descent update ${ID} --name "the best so far" --metadata series=a`,
  )
    .option('--name <text>', 'a name for people; an empty one removes it')
    .option('--priority <number>', 'which of your queued jobs start first: -10 to 10')
    .option('--metadata <pairs...>', 'key=value, or key= to remove one')
    .action(run(updateJob));
  add('fork <id>', 'Create a job that goes on from a checkpoint of another.', FORK)
    .option('--from-epoch <number>', 'after which epoch (default: the last one with a checkpoint)')
    .option('--name <text>', 'a name for people')
    .option('--optimizer <type>', 'another one begins anew')
    .option('--learning-rate <number>', "the optimizer's step size")
    .option('--epochs <number>', 'passes over the data in all, those of the parent included')
    .option('--batch-size <number>', 'rows per step')
    .option('--set <pairs...>', `${SET}; a fork may change all but data, model and most of training`)
    .option('--wait', 'watch the job to its end')
    .action(run(forkJob));
  add(
    'extend <id> <epochs>',
    'Create a job that trains a finished one until it has had so many epochs.',
    `descent extend ${ID} 20`,
  )
    .option('--wait', 'watch the job to its end')
    .action(run(extendJob));
  add('checkpoints <id>', 'List the checkpoints that a job keeps.', `descent checkpoints ${ID}`).action(
    run(listCheckpoints),
  );
  add(
    'verify <id>',
    'Train a job again, and say whether the result is the same. Ends with 1 if it differs.',
    `descent verify ${ID}`,
  )
    .option('--no-wait', 'print the id of the new job instead')
    .action(run(verifyJob));
  add('cancel <id>', 'Cancel a job.', `descent cancel ${ID}`).action(run(cancelJob));
  add('delete <id>', 'Delete a job that has ended, with its files.', `descent delete ${ID}`).action(
    run(deleteJob),
  );
  add('model <id>', 'Save the model of a finished job.', `descent model ${ID} --format onnx -o digits.onnx`)
    .option('--format <format>', 'safetensors, onnx, keras, weights.h5 or json', 'safetensors')
    .option('-o, --output <file>', 'where to (default: a name from the job, in this folder)')
    .action(run(saveModel));
  add('predict <id> <file...>', PREDICT, `descent predict ${ID} seven.png`)
    .option(
      '--fit <fit>',
      'of pictures: mnist (cut out, scaled and centred as its digits are), stretch or none',
    )
    .option(
      '--checkpoint <which>',
      'latest: ask the newest checkpoint of a job that still trains; a number: that of an epoch',
    )
    .action(run(predict));
  add('compare <id...>', 'Show jobs side by side.', `descent compare ${ID} ${ANOTHER_ID}`)
    .option('--csv', 'print the curves as CSV')
    .option(
      '--shape <shape>',
      'of the CSV: long (a line for each job and epoch) or wide (a column for each job)',
    )
    .option('--metric <metric>', 'in the wide shape: loss, accuracy, mae, val_loss, val_accuracy or val_mae')
    .action(run(compareJobs));
  const data = program
    .command('data')
    .description('Upload, list, show and delete datasets.')
    .addHelpText('after', '\nExample:\n  descent data put penguins.csv --option target=species');
  const addData = (usage: string, description: string, example: string): Command =>
    data
      .command(usage)
      .description(description)
      .addHelpText('after', `\nExample:\n  ${example}`)
      .option('--json', 'print JSON, one value a line');
  addData('put <file>', PUT, 'descent data put penguins.csv --option target=species drop=year')
    .option('--name <name>', 'of the dataset (default: from the name of the file)')
    .option('--format <format>', 'csv, npz, idx, images or parquet (default: from the ending of the file)')
    .option('--option <pairs...>', OPTION)
    .option('--dry-run', 'say what would be made, and keep nothing')
    .action(run(putData));
  addData('list', 'List the datasets: built in, and yours.', 'descent data list').action(run(listData));
  addData('show <name>', 'Show how a dataset was read.', 'descent data show penguins').action(run(showData));
  addData('rm <name>', 'Delete a dataset that no running job needs.', 'descent data rm penguins').action(
    run(removeData),
  );
  addWithoutJson('completion', COMPLETION, 'descent completion bash >> ~/.bashrc')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action((shell: Shell) => void process.stdout.write(SCRIPTS[shell]));
  program.command('complete [words...]', { hidden: true }).action(
    run(async ({ descent }, words: string[]) => {
      const known = { jobIds: () => latestIds(descent), fieldPaths: () => fieldPaths(descent) };
      for (const word of await complete(program, words, known)) console.log(word);
      return EXIT.succeeded;
    }),
  );
  return program;
}

const ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W';
const ANOTHER_ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2X';

const collect = (value: string, before: string[] = []): string[] => [...before, value];

const TRAIN = `descent train --dataset mnist_sample --optimizer adam --learning-rate 0.002 --epochs 3 --wait
  descent train spec.json --set optimizer.global_clipnorm=1 training.early_stopping.patience=3`;

const SET = 'any field of the spec, as path=value: see descent fields';

const FORK = `descent fork ${ID} --from-epoch 5 --learning-rate 0.0001 --epochs 20`;

const WHERE =
  'all must be met: name (how it begins), dataset, optimizer, engine, metadata[key], created_after or created_before=value; learning_rate, parameters, test_accuracy, val_loss or duration_seconds=gt:, gte:, lt: or lte:number';

const PREDICT =
  'Ask a model: a picture (.png), rows as .csv or .json ({"inputs": [[...], ...]}), or any other file as bytes.';

const PUT =
  'Upload a dataset: a table (.csv, .parquet), arrays (.npz), or a ZIP archive of pictures or IDX files (--format).';

const OPTION =
  'how to read it, as name=value: target, task, scale, drop, test_split, split_column, header, delimiter, decimal, size';

const COMPLETION =
  'Print a script that completes commands, options and job ids. Add it to your ~/.bashrc, or to the end of your ~/.zshrc.';
