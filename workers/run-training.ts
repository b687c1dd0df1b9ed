import type { Progress } from '../src/contract/job.ts';
import type { JobSpec } from '../src/contract/job-spec.ts';
import { resolveDataset } from '../src/dataset/registry.ts';
import { leavesProcessClean } from '../src/engine/engines.ts';
import type { CheckpointFile, JobFile, JobRecord, KeptFile } from '../src/store/job-record.ts';
import type { Confirmation, EpochReport } from '../src/store/job-transitions.ts';
import { jobMemoryBytes } from '../src/training/job-memory.ts';
import { jobWork } from '../src/training/job-work.ts';
import { withKept } from '../src/training/kept-epochs.ts';
import { persist } from './persist.ts';
import type { Run } from './run.ts';
import { type End, type LastMessage, type Trained, tidy } from './run-end.ts';
import type { Started } from './run-start.ts';
import type { TrainerMessage } from './trainer-message.ts';
import type { TrainerProcess } from './trainer-process.ts';
import type { WorkerParts } from './worker-parts.ts';

/** A run while its trainer works. */

const MIB = 1024 * 1024;

/**
 * An idle trainer keeps the memory of its last job, which the next one may or may not be able to use: the default of
 * WORKER_MEMORY_MB leaves room for half as much again as a job may take.
 */
const KEPT_SHARE = 0.5;

/** A started job and the trainer reserved for it. */
type Training = Started & { trainer: TrainerProcess };

/** Lets the trainer compute the job and records what it reports; returns how it ended. */
export async function train(run: Run, job: Training, worker: WorkerParts): Promise<End> {
  const { record, trainer } = job;
  const engine = worker.engineFor(record.spec.engine);
  if (!engine.available) {
    // Decided here, since the trainer might load the engine after all and crash or compute something else.
    worker.trainers.giveBack(trainer);
    const message = `The engine ${engine.name} is not available: ${engine.reason}`;
    return ended(job, {
      type: 'failed',
      error: { code: 'engine_unavailable', message, retryable: true },
    });
  }
  const files = [...record.checkpoint, ...record.kept, ...(record.log ? [record.log] : [])];
  const named = files.map(({ name }) => name);
  await tidy(run.id, worker, () => worker.artifacts.removeEarlier(run.id, record.attempt, named));
  const limit = limitTime(run, job);
  // Older records have only the dataset's name, which still means the same data.
  const data = record.data ?? resolveDataset(record.spec.dataset);
  run.progress = record.progress;
  const killsBefore = worker.oomKills();
  trainer.train({
    type: 'train',
    job: run.id,
    attempt: record.attempt,
    spec: record.spec,
    data,
    engine: engine.name,
    dataDir: worker.dataDir,
    artifacts: worker.artifacts.location,
    parent: record.parent,
    recorded: record.epoch,
    checkpoints: record.checkpoint,
  });
  run.attach(trainer);
  let last: LastMessage | undefined;
  try {
    last = await follow(run, job, worker);
  } finally {
    clearTimeout(limit);
    run.detach();
    const isClean = last?.type === 'finished' || last?.type === 'stopped';
    const keeps = jobMemoryBytes({ spec: record.spec, data }, engine.name);
    const keepsLittle = keeps <= KEPT_SHARE * worker.memoryMb * MIB;
    if (trainer.alive && isClean && keepsLittle && leavesProcessClean(engine.name)) {
      worker.trainers.giveBack(trainer);
    } else {
      trainer.kill();
      // It may write files until it has exited.
      await trainer.exited;
    }
  }
  return {
    ...ended(job, last, wasKilledForMemory(last, killsBefore, worker)),
    // What an attempt after a fault takes, or a fork, says little about the job.
    ...(record.attempt === 1 &&
      record.parent === undefined && {
        measured: { engine: engine.name, work: jobWork({ spec: record.spec, data }) },
      }),
  };
}

/** A trainer that we did not kill may have been killed by a person too; the kernel counts its own. */
function wasKilledForMemory(
  last: LastMessage,
  killsBefore: number | undefined,
  worker: WorkerParts,
): boolean {
  if (last.type !== 'exited' || last.signal !== 'SIGKILL') return false;
  const kills = worker.oomKills();
  return kills !== undefined && killsBefore !== undefined && kills > killsBefore;
}

const ended = ({ record }: Training, last: LastMessage, outOfMemory = false): Trained => ({
  type: 'trained',
  record,
  last,
  outOfMemory,
});

function limitTime(run: Run, { record, elapsedMs }: Training): NodeJS.Timeout | undefined {
  const { max_seconds } = record.spec.limits;
  if (max_seconds === null) return undefined;
  return setTimeout(() => run.interrupt('timeout'), Math.max(0, max_seconds * 1000 - elapsedMs));
}

/** Records the trainer's reports until it ends. */
async function follow(run: Run, { record, trainer }: Training, worker: WorkerParts): Promise<LastMessage> {
  const checkpoints = new Checkpoints(run, record, worker);
  run.kept = record.kept;
  const engine = worker.engineFor(record.spec.engine).name;
  const note = (epochs: number, progress: Progress) => {
    worker.trained.add(engine, { epochs, steps: progress.step - (run.progress?.step ?? 0) });
    run.progress = progress;
  };
  for (;;) {
    const message = await trainer.next();
    switch (message.type) {
      case 'ready':
        continue;
      case 'progress': {
        note(0, message.progress);
        const isOurs = await confirm(run, () =>
          worker.transitions.progress(run.id, run.token, message.progress),
        );
        if (isOurs) worker.steps.tell(run.id, message.rows);
        continue;
      }
      case 'epoch': {
        if (message.warning !== undefined) worker.log.warn(run.about, message.warning);
        if (message.copied === true) run.progress = message.progress;
        else note(1, message.progress);
        const report = checkpoints.reportOf(message);
        if (!(await confirm(run, () => worker.transitions.epoch(run.id, run.token, report)))) continue;
        if (message.copied !== true) worker.counters.epochs++;
        trainer.send({ type: 'confirmed', epoch: message.metrics.epoch });
        await checkpoints.keep(report);
        run.kept = checkpoints.kept;
        continue;
      }
      default:
        return message;
    }
  }
}

/** The files that the record names: the last two checkpoints, newest first, those that stay after the end, and the log. */
class Checkpoints {
  readonly #run: Run;
  readonly #spec: JobSpec;
  readonly #worker: WorkerParts;
  #named: CheckpointFile[];
  #log: JobFile | undefined;
  kept: KeptFile[];

  constructor(run: Run, { spec, checkpoint, kept, log }: JobRecord, worker: WorkerParts) {
    this.#run = run;
    this.#spec = spec;
    this.#worker = worker;
    this.#named = checkpoint;
    this.#log = log;
    this.kept = kept;
  }

  /** The report of an epoch for the record. */
  reportOf(message: Extract<TrainerMessage, { type: 'epoch' }>): EpochReport {
    const { metrics, progress, checkpoint, keep, log, verdicts } = message;
    if (checkpoint === undefined) return { metrics, progress, verdicts, checkpoints: undefined };
    const { bytes: _, ...file } = checkpoint;
    return {
      metrics,
      progress,
      verdicts,
      log,
      checkpoints: [file, ...this.#named.slice(0, 1)],
      kept: keep === true ? withKept(this.#spec, this.kept, checkpoint) : undefined,
    };
  }

  /** Call it once the record has the report. Removes the files that it names no longer. */
  async keep({
    checkpoints: named = this.#named,
    kept = this.kept,
    log = this.#log,
  }: EpochReport): Promise<void> {
    const names = new Set([...named, ...kept, ...(log ? [log] : [])].map(({ name }) => name));
    const before = [...this.#named, ...this.kept, ...(this.#log ? [this.#log] : [])];
    const gone = before.filter(({ name }) => !names.has(name));
    for (const name of new Set(gone.map((file) => file.name))) {
      await tidy(this.#run.id, this.#worker, () => this.#worker.artifacts.removeFile(this.#run.id, name));
    }
    this.#named = named;
    this.#log = log;
    this.kept = kept;
  }
}

/** Runs a fenced transition; returns false when the run is over because the record is no longer ours. */
async function confirm(run: Run, transition: () => Promise<Confirmation>): Promise<boolean> {
  const answer = await persist(transition);
  if (answer.outcome === 'confirmed') {
    if (answer.status === 'cancelling') run.interrupt('cancelled');
    if (answer.status === 'pausing') run.interrupt('paused');
    return true;
  }
  // After a gap, the next start continues from a checkpoint and appends the epochs that Redis lost.
  run.interrupt(answer.outcome === 'gap' ? 'lease_lost' : 'evicted');
  return false;
}
