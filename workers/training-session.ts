import { setImmediate as turn } from 'node:timers/promises';
import { bestOf, modelEpoch } from '../src/contract/best.ts';
import type { Verdict } from '../src/contract/doctor.ts';
import type { Evaluation } from '../src/contract/evaluation.ts';
import type { JobResult } from '../src/contract/job.ts';
import type { EpochMetrics } from '../src/contract/metrics.ts';
import type { StepRow } from '../src/contract/step-row.ts';
import type { Dataset } from '../src/dataset/prepared.ts';
import { UploadedFiles } from '../src/dataset/uploads.ts';
import type { Engine, EngineState } from '../src/engine/engine.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { monotonicMs } from '../src/process/clock.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import type { JobFile, KeptFile } from '../src/store/job-record.ts';
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
} from '../src/training/checkpoint.ts';
import { divergenceAdvice } from '../src/training/divergence-advice.ts';
import { evaluate } from '../src/training/evaluate.ts';
import { fit } from '../src/training/fit.ts';
import { metricsSha256, weightsSha256 } from '../src/training/hashes.ts';
import { createJobEngine } from '../src/training/job-engine.ts';
import { keepsEpoch, keepsNewest } from '../src/training/kept-epochs.ts';
import { encodeModel } from '../src/training/model-file.ts';
import { StoppingWatch } from '../src/training/monitors.ts';
import { EMPTY_LOG, encodeLog, type TrainingLog } from '../src/training/training-log.ts';
import { Pace, roundTo, Slice } from './pace.ts';
import type { TrainCommand, TrainerMessage } from './trainer-message.ts';

/** A checkpoint is due after CHECKPOINT_MS or this multiple of the last one's cost, whichever is longer. */
const CHECKPOINT_MS = 2_000;
const CHECKPOINT_COST_MULTIPLE = 10;

/** The engine for the spec does not load here. */
class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
  readonly code = 'engine_unavailable';
}

/** Starting anew would give another model than the one that was asked for. */
class ForkLostError extends Error {
  override readonly name = 'ForkLostError';
  readonly code = 'storage_unavailable';

  constructor() {
    super(
      'The checkpoint that this job was forked from is missing, damaged or of another version of the engines. Fork it again.',
    );
  }
}

/** One job in a trainer: drives the training, writes its files and reports to the worker. */
export class TrainingSession {
  readonly #command: TrainCommand;
  readonly #dataset: Dataset;
  /** Of no use to this session once run() has ended. */
  readonly engine: Engine;
  readonly #artifacts: Artifacts;
  readonly #send: (message: TrainerMessage) => void;
  readonly #resume: Checkpoint | undefined;
  readonly #history: EpochMetrics[];
  /** Of the best epoch so far, if early_stopping restores them. */
  #bestWeights: Float32Array | undefined;
  /** Of the same epochs. */
  #log: TrainingLog;
  #stop: 'stop' | 'drain' | undefined;
  #confirmed: number;
  #onConfirmed: (() => void) | undefined;
  #lastCheckpointMs = monotonicMs();
  #checkpointCostMs = 0;

  private constructor(
    command: TrainCommand,
    dataset: Dataset,
    artifacts: Artifacts,
    send: (message: TrainerMessage) => void,
    engine: Engine,
    resume: Checkpoint | undefined,
  ) {
    this.#command = command;
    this.#dataset = dataset;
    this.#artifacts = artifacts;
    this.#send = send;
    this.engine = engine;
    this.#resume = resume;
    this.#history = [...(resume?.history ?? [])];
    this.#bestWeights = resume?.bestWeights;
    this.#log = resume?.log ?? EMPTY_LOG;
    this.#confirmed = Math.min(command.recorded, resume?.epoch ?? 0);
  }

  /** Creates the engine and finds the checkpoint to start from. previous: the engine of a session that has ended. */
  static async open(
    command: TrainCommand,
    dataset: Dataset,
    artifacts: Artifacts,
    send: (message: TrainerMessage) => void,
    previous?: Engine,
  ): Promise<TrainingSession> {
    const loaded = await loadEngine(command.engine);
    if (!loaded.available)
      throw new EngineUnavailableError(`The engine ${loaded.name} is not available: ${loaded.reason}`);
    const engine = createJobEngine(loaded, command.spec, dataset, previous);
    const resume = await newestCheckpoint(command, artifacts);
    if (resume === undefined && command.parent !== undefined) throw new ForkLostError();
    return new TrainingSession(command, dataset, artifacts, send, engine, resume);
  }

  /** The worker has recorded epoch `epoch`. */
  confirm(epoch: number): void {
    this.#confirmed = Math.max(this.#confirmed, epoch);
    this.#onConfirmed?.();
  }

  stop(how: 'stop' | 'drain'): void {
    if (this.#stop !== 'stop') this.#stop = how;
    this.#onConfirmed?.();
  }

  /** Trains to the end or until stopped. The last message that it sends gives how it ended. */
  async run(): Promise<void> {
    const outcome = await this.#fit();
    if (outcome === 'completed' && !this.#stopsNow) await this.#finish();
    else if (outcome === 'completed' || outcome === 'stopped') this.#send({ type: 'stopped' });
  }

  async #fit(): Promise<'completed' | 'stopped' | 'failed'> {
    const { spec } = this.#command;
    const training = fit({ spec, dataset: this.#dataset, engine: this.engine, resume: this.#resume });
    const { epoch = 0, state } = this.#resume ?? {};
    const pace = new Pace(spec, this.#dataset, { epoch, step: state?.steps ?? 0 });
    if ((await this.#reportPast(pace)) === 'stopped') return 'stopped';
    const slice = new Slice();
    const untold: StepRow[] = [];
    for (;;) {
      const next = slice.pull(training);
      if (next.done === true) {
        if (next.value.outcome === 'completed') return 'completed';
        const { epoch, step, log } = next.value;
        await this.#fail(
          `The loss, the norm of a gradient, a weight or an optimizer slot was no longer finite in epoch ${epoch}, at step ${step}`,
          log,
        );
        return 'failed';
      }
      if (next.value.type === 'epoch') {
        const { last, row, log, bestWeights, verdicts } = next.value;
        this.#log = log;
        this.#bestWeights = bestWeights;
        if ((await this.#report(pace.epoch(row, last), verdicts, last)) === 'stopped') return 'stopped';
      } else {
        if (next.value.type === 'steps') {
          untold.push(...next.value.rows);
          const progress = pace.step(next.value.step);
          if (progress !== undefined) this.#send({ type: 'progress', progress, rows: untold.splice(0) });
        }
        await turn();
        if (this.#stopsNow) return 'stopped';
      }
    }
  }

  /** A fork's record lacks the epochs of its parent. */
  async #reportPast(pace: Pace): Promise<'reported' | 'stopped'> {
    for (const metrics of this.#history.slice(this.#command.recorded)) {
      if ((await this.#isConfirmed(metrics.epoch - 1)) === 'stopped') return 'stopped';
      this.#send({ type: 'epoch', metrics, progress: pace.past(metrics), copied: true });
    }
    return 'reported';
  }

  async #isConfirmed(epoch: number): Promise<'confirmed' | 'stopped'> {
    while (this.#confirmed < epoch) {
      await new Promise<void>((confirmed) => {
        this.#onConfirmed = confirmed;
      });
      if (this.#stopsNow) return 'stopped';
    }
    return 'confirmed';
  }

  /** Reports an epoch to the worker. The training runs at most one epoch ahead of the last confirmed one. */
  async #report(
    { metrics, progress }: ReturnType<Pace['epoch']>,
    verdicts: readonly Verdict[],
    last: boolean,
  ): Promise<'reported' | 'stopped'> {
    if ((await this.#isConfirmed(metrics.epoch - 1)) === 'stopped') return 'stopped';
    this.#history.push(metrics);
    await turn();
    const draining = this.#stop === 'drain';
    this.#send({
      type: 'epoch',
      metrics,
      progress,
      verdicts: [...verdicts],
      ...(!last && (await this.#checkpointIfDue(metrics.epoch, draining))),
    });
    return this.#stopsNow || (draining && !last) ? 'stopped' : 'reported';
  }

  /** If a checkpoint cannot be written, the job goes on; it only loses time after a crash. */
  async #checkpointIfDue(
    epoch: number,
    always: boolean,
  ): Promise<{ checkpoint?: KeptFile; log?: JobFile; keep?: boolean; warning?: string }> {
    const keep = keepsEpoch(this.#command.spec, this.#history, false);
    const startedMs = monotonicMs();
    const interval = Math.max(CHECKPOINT_MS, CHECKPOINT_COST_MULTIPLE * this.#checkpointCostMs);
    if (!always && !keep && startedMs - this.#lastCheckpointMs < interval) return {};
    try {
      const state = this.engine.state();
      const [checkpoint, log] = await Promise.all([
        this.#writeCheckpoint(epoch, state),
        this.#writeLog(epoch),
      ]);
      return { checkpoint, log, keep: keep || keepsNewest(this.#command.spec) };
    } catch (error) {
      return {
        warning: `no checkpoint of epoch ${epoch}: ${error instanceof Error ? error.message : error}`,
      };
    } finally {
      this.#lastCheckpointMs = monotonicMs();
      this.#checkpointCostMs = this.#lastCheckpointMs - startedMs;
    }
  }

  async #writeCheckpoint(epoch: number, state: EngineState): Promise<KeptFile> {
    const { job, attempt } = this.#command;
    const checkpoint = {
      epoch,
      state,
      history: this.#history,
      bestWeights: this.#bestWeights,
      log: this.#log,
    };
    const bytes = encodeCheckpoint(checkpoint, this.#command);
    const file = await this.#artifacts.write(job, `${attempt}-${epoch}.ckpt`, bytes);
    return { ...file, epoch, bytes: bytes.length };
  }

  async #writeLog(epoch: number): Promise<JobFile> {
    const { job, attempt } = this.#command;
    return await this.#artifacts.write(job, `${attempt}-${epoch}.log`, encodeLog(this.#log));
  }

  async #finish(): Promise<void> {
    // A checkpoint goes on from here, whatever the model's weights are.
    const last = this.engine.state();
    const state = this.#bestWeights === undefined ? last : { ...last, weights: this.#bestWeights };
    if (state !== last) this.engine.restore(state);
    const evaluating = evaluate({ dataset: this.#dataset, engine: this.engine });
    const slice = new Slice();
    let next = slice.pull(evaluating);
    while (next.done !== true) {
      await turn();
      if (this.#stopsNow) {
        this.#send({ type: 'stopped' });
        return;
      }
      next = slice.pull(evaluating);
    }
    if (next.value.outcome === 'diverged') {
      await this.#fail('The weights are finite, but the loss of a test row is not', this.#log);
      return;
    }
    const { evaluation, predicted } = next.value;
    const { job, attempt } = this.#command;
    // A model may outlive its dataset.
    const table = await new UploadedFiles(this.#command.dataDir).table(this.#command.data.sha256);
    // Side by side, because most of the time goes into waiting for the disk.
    const keeps = keepsEpoch(this.#command.spec, this.#history, true);
    const [evaluationFile, model, log, checkpoint] = await Promise.all([
      this.#artifacts.write(job, `${attempt}-evaluation.json`, Buffer.from(JSON.stringify(evaluation))),
      this.#artifacts.write(job, `${attempt}-model.bin`, encodeModel(state, predicted, this.#command, table)),
      this.#writeLog(this.#history.length),
      keeps ? this.#writeCheckpoint(this.#history.length, last) : undefined,
    ]);
    const result = this.#result(measuredOf(evaluation), state.weights);
    this.#send({
      type: 'finished',
      result,
      evaluation: evaluationFile,
      model,
      log,
      ...(checkpoint && { checkpoint }),
    });
  }

  #result(test: JobResult['test'], weights: Float32Array): Omit<JobResult, 'duration_seconds'> {
    const { early_stopping } = this.#command.spec.training;
    const { stoppedEpoch, bestEpoch } = new StoppingWatch(early_stopping, this.#history);
    const stopped = early_stopping !== null && { stopped_epoch: stoppedEpoch, best_epoch: bestEpoch };
    const epoch = modelEpoch(this.#command.spec, stopped || {});
    const { loss, accuracy, val_loss, val_accuracy, mae = null, val_mae = null } = this.#history[epoch - 1]!;
    return {
      test,
      train: { loss, accuracy, mae },
      validation: val_loss === null ? null : { loss: val_loss, accuracy: val_accuracy, mae: val_mae },
      best: bestOf(this.#history),
      ...stopped,
      training_seconds: roundTo(
        0.001,
        this.#history.reduce((sum, row) => sum + row.duration_seconds, 0),
      ),
      weights_sha256: weightsSha256(weights),
      metrics_sha256: metricsSha256(this.#history, this.#command.data.task),
    };
  }

  /** log: with what led to it. The job fails in any case. */
  async #fail(what: string, log: TrainingLog): Promise<void> {
    const verdicts = log.verdicts.slice(this.#log.verdicts.length);
    this.#log = log;
    const file = await this.#writeLog(this.#history.length + 1).catch(() => undefined);
    this.#send({
      type: 'failed',
      error: {
        code: 'diverged',
        message: `${what}. ${divergenceAdvice(this.#command.spec)}`,
        retryable: false,
      },
      verdicts,
      ...(file && { log: file }),
    });
  }

  get #stopsNow(): boolean {
    return this.#stop === 'stop';
  }
}

const measuredOf = (evaluation: Evaluation): JobResult['test'] =>
  evaluation.task === 'regression'
    ? { loss: evaluation.loss, accuracy: null, mae: evaluation.mae }
    : { loss: evaluation.loss, accuracy: evaluation.accuracy, mae: null };

async function newestCheckpoint(
  command: TrainCommand,
  artifacts: Artifacts,
): Promise<Checkpoint | undefined> {
  for (const file of command.checkpoints) {
    const bytes = await artifacts.read(command.job, file);
    if (bytes === undefined) continue;
    try {
      return decodeCheckpoint(bytes, command);
    } catch (error) {
      // Its hash is right, but another version wrote it. Starting from an earlier epoch gives the same bits.
      if (!(error instanceof CheckpointError)) throw error;
    }
  }
  return undefined;
}
