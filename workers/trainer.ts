import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { JobError, JobErrorCode } from '../src/contract/job.ts';
import { DatasetDamagedError } from '../src/dataset/dataset-error.ts';
import { type Dataset, openDataset } from '../src/dataset/prepared.ts';
import type { Engine } from '../src/engine/engine.ts';
import { BEAT_MS } from '../src/process/silence-watch.ts';
import { FolderArtifacts } from '../src/store/folder-artifacts.ts';
import { type TrainCommand, TrainerCommandSchema, type TrainerMessage } from './trainer-message.ts';
import { TrainingSession } from './training-session.ts';

/**
 * Entry of the trainer process: dataset -> training -> messages. One job at a time; the dataset stays open for the
 * next.
 * argv: the worker's pid. Everything else comes with a job's command.
 */

/** Lower priority than processes that must respond at once: API, Redis, and the worker, which renews the lease. */
const NICENESS = 10;

/** The descriptor of the pipe to the worker, which trainer-process.ts opens. */
const BEAT_PIPE = 4;

const parentPid = Number(process.argv[2]);

function main(): void {
  new Worker(new URL('./watchdog.js', import.meta.url), {
    workerData: { parentPid, beatMs: BEAT_MS, pipe: BEAT_PIPE },
  });
  setPriority(NICENESS);
  offerToKernel();
  let session: TrainingSession | undefined;
  process.on('message', (message: unknown) => {
    const command = TrainerCommandSchema.parse(message);
    switch (command.type) {
      case 'train':
        session = undefined;
        void train(command, (started) => {
          session = started;
        });
        return;
      case 'ask':
        send({ type: 'ready' });
        return;
      case 'confirmed':
        session?.confirm(command.epoch);
        return;
      case 'stop':
      case 'drain':
        stopWanted = command.type;
        session?.stop(command.type);
        return;
    }
  });
  // Ctrl-C in a terminal reaches the whole group, but the worker decides when its trainers stop.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit(1));
  send({ type: 'ready' });
}

/** When memory runs out, the kernel should end one trainer rather than a worker, an API or Redis. */
function offerToKernel(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // Not Linux, or not allowed: the kernel then chooses by size.
  }
}

/** A stop that arrived while the dataset was being opened. */
let stopWanted: 'stop' | 'drain' | undefined;

async function train(command: TrainCommand, onSession: (session: TrainingSession) => void): Promise<void> {
  stopWanted = undefined;
  try {
    const dataset = await openOnce(command);
    const session = await TrainingSession.open(
      command,
      dataset,
      new FolderArtifacts(command.artifacts),
      send,
      lastEngine,
    );
    lastEngine = session.engine;
    onSession(session);
    if (stopWanted !== undefined) session.stop(stopWanted);
    await session.run();
  } catch (error) {
    // Treated as a crash: another trainer prepares the dataset's file again and resumes from the last checkpoint.
    if (error instanceof DatasetDamagedError) {
      console.error(error.message);
      process.exit(1);
    }
    send({ type: 'failed', error: describe(error) });
  }
}

let opened: Dataset | undefined;

/** Kept for the images that it has prepared, which the next job on the same dataset takes over. */
let lastEngine: Engine | undefined;

async function openOnce({ data, dataDir }: TrainCommand): Promise<Dataset> {
  if (opened?.shape.sha256 !== data.sha256) {
    opened?.close();
    opened = undefined;
    opened = await openDataset(data, dataDir);
  }
  // Lets the messages that have arrived in the meantime be handled.
  await turn();
  return opened;
}

function send(message: TrainerMessage): void {
  process.send?.(message);
}

const TYPED: readonly JobErrorCode[] = ['dataset_unavailable', 'storage_unavailable', 'engine_unavailable'];

/** The job's error for an exception. Some exceptions carry the code of a job error. */
function describe(error: unknown): JobError {
  if (!(error instanceof Error)) return { code: 'internal', message: String(error), retryable: false };
  const code = 'code' in error ? String(error.code) : '';
  const typed = TYPED.find((known) => known === code);
  if (typed !== undefined) return { code: typed, message: error.message, retryable: true };
  // V8 throws this when it cannot allocate a buffer or a WebAssembly memory.
  if (error instanceof RangeError && /allocat|memory/i.test(error.message)) {
    return {
      code: 'out_of_memory',
      message: `There was not enough memory for this job: ${error.message}. Make the model or batch_size smaller, or train fewer jobs at a time.`,
      retryable: false,
    };
  }
  console.error(error);
  return { code: 'internal', message: `The trainer failed: ${error.message}`, retryable: false };
}

main();
