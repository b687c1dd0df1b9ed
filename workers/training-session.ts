import { setImmediate as turn } from 'node:timers/promises';
import { bestOf } from '../src/contract/best.ts';
import type { JobResult } from '../src/contract/job.ts';
import type { EpochMetrics } from '../src/contract/metrics.ts';
import type { Dataset } from '../src/dataset/prepared.ts';
import type { Engine } from '../src/engine/engine.ts';
import { loadEngine } from '../src/engine/engines.ts';
import { monotonicMs } from '../src/process/clock.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import type { CheckpointFile } from '../src/store/job-record.ts';
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
import { encodeModel } from '../src/training/model-file.ts';
import { StoppingWatch } from '../src/training/monitors.ts';
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
    this.#confirmed = resume?.epoch ?? 0;
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
    const pace = new Pace(spec, this.#dataset, this.#resume?.epoch ?? 0);
    const slice = new Slice();
    for (;;) {
      const next = slice.pull(training);
      if (next.done === true) {
        if (next.value.outcome === 'completed') return 'completed';
        const { epoch, step } = next.value;
        this.#fail(
          `The loss, the norm of a gradient, a weight or an optimizer slot was no longer finite in epoch ${epoch}, at step ${step}`,
        );
        return 'failed';
      }
      if (next.value.type === 'epoch') {
        const { type: _, last, ...result } = next.value;
        if ((await this.#report(pace.epoch(result, last), last)) === 'stopped') return 'stopped';
      } else {
        const progress = next.value.type === 'steps' ? pace.step(next.value.step) : undefined;
        if (progress !== undefined) this.#send({ type: 'progress', progress });
        await turn();
        if (this.#stopsNow) return 'stopped';
      }
    }
  }

  /** Reports an epoch to the worker. The training runs at most one epoch ahead of the last confirmed one. */
  async #report(
    { metrics, progress }: ReturnType<Pace['epoch']>,
    last: boolean,
  ): Promise<'reported' | 'stopped'> {
    while (this.#confirmed < metrics.epoch - 1) {
      await new Promise<void>((confirmed) => {
        this.#onConfirmed = confirmed;
      });
      if (this.#stopsNow) return 'stopped';
    }
    this.#history.push(metrics);
    await turn();
    const draining = this.#stop === 'drain';
    this.#send({
      type: 'epoch',
      metrics,
      progress,
      ...(!last && (await this.#checkpointIfDue(metrics.epoch, draining))),
    });
    return this.#stopsNow || (draining && !last) ? 'stopped' : 'reported';
  }

  /** If a checkpoint cannot be written, the job goes on; it only loses time after a crash. */
  async #checkpointIfDue(
    epoch: number,
    always: boolean,
  ): Promise<{ checkpoint?: CheckpointFile; warning?: string }> {
    const startedMs = monotonicMs();
    const interval = Math.max(CHECKPOINT_MS, CHECKPOINT_COST_MULTIPLE * this.#checkpointCostMs);
    if (!always && startedMs - this.#lastCheckpointMs < interval) return {};
    const { job, attempt } = this.#command;
    try {
      const checkpoint = { epoch, state: this.engine.state(), history: this.#history };
      const bytes = encodeCheckpoint(checkpoint, this.#command);
      const file = await this.#artifacts.write(job, `${attempt}-${epoch}.ckpt`, bytes);
      return { checkpoint: { ...file, epoch } };
    } catch (error) {
      return {
        warning: `no checkpoint of epoch ${epoch}: ${error instanceof Error ? error.message : error}`,
      };
    } finally {
      this.#lastCheckpointMs = monotonicMs();
      this.#checkpointCostMs = this.#lastCheckpointMs - startedMs;
    }
  }

  async #finish(): Promise<void> {
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
      this.#fail('The weights are finite, but the loss of a test row is not');
      return;
    }
    const { evaluation, predicted } = next.value;
    const { job, attempt } = this.#command;
    const state = this.engine.state();
    // Side by side, because most of the time goes into waiting for the disk.
    const [evaluationFile, model] = await Promise.all([
      this.#artifacts.write(job, `${attempt}-evaluation.json`, Buffer.from(JSON.stringify(evaluation))),
      this.#artifacts.write(job, `${attempt}-model.bin`, encodeModel(state, predicted, this.#command)),
    ]);
    const result = this.#result(evaluation, state.weights);
    this.#send({ type: 'finished', result, evaluation: evaluationFile, model });
  }

  #result(
    test: { loss: number; accuracy: number },
    weights: Float32Array,
  ): Omit<JobResult, 'duration_seconds'> {
    const last = this.#history.at(-1)!;
    const { early_stopping } = this.#command.spec.training;
    const stopping = new StoppingWatch(early_stopping, this.#history);
    return {
      test: { loss: test.loss, accuracy: test.accuracy },
      train: { loss: last.loss, accuracy: last.accuracy },
      validation:
        last.val_loss === null || last.val_accuracy === null
          ? null
          : { loss: last.val_loss, accuracy: last.val_accuracy },
      best: bestOf(this.#history),
      ...(early_stopping !== null && {
        stopped_epoch: stopping.stoppedEpoch,
        best_epoch: stopping.bestEpoch,
      }),
      training_seconds: roundTo(
        0.001,
        this.#history.reduce((sum, row) => sum + row.duration_seconds, 0),
      ),
      weights_sha256: weightsSha256(weights),
      metrics_sha256: metricsSha256(this.#history),
    };
  }

  #fail(what: string): void {
    this.#send({
      type: 'failed',
      error: {
        code: 'diverged',
        message: `${what}. ${divergenceAdvice(this.#command.spec)}`,
        retryable: false,
      },
    });
  }

  get #stopsNow(): boolean {
    return this.#stop === 'stop';
  }
}

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
