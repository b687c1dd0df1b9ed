import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type {
  DatasetRowsTask,
  ExportedFile,
  ExportTask,
  ForkOutcome,
  ForkTask,
  ImageTask,
  PredictOutcome,
  PredictTask,
  RowsOutcome,
  RowsTask,
} from './model-task.ts';

/** Threads that read models, write them in other formats and compute with them, so that the event loop never does. */

/** As compiled beside this module; tests run this module in src/ and use the dist/ that was built last. */
const ENTRIES = ['./model-thread.js', '../../dist/src/serving/model-thread.js'];

const MOST_THREADS = 2;
const IDLE_MS = 60_000;

/** Tasks that wait for a thread; a large model takes a second. */
const MOST_WAITING = 32;

/** Too many tasks are waiting. */
export class ModelThreadsBusyError extends Error {
  override readonly name = 'ModelThreadsBusyError';
  readonly code = 'model_threads_busy';
}

export class ModelThreads {
  readonly #pool: Piscina;

  constructor() {
    const filename = ENTRIES.map((entry) => fileURLToPath(new URL(entry, import.meta.url))).find(existsSync);
    if (filename === undefined) throw new Error('model-thread.js is missing: run npm run build');
    this.#pool = new Piscina({
      filename,
      minThreads: 0,
      maxThreads: Math.min(MOST_THREADS, availableParallelism()),
      idleTimeout: IDLE_MS,
      maxQueue: MOST_WAITING,
    });
  }

  /**
   * A finished job's model in another format; undefined when its file is missing or damaged.
   * @throws {ModelThreadsBusyError}
   */
  async export(task: ExportTask): Promise<ExportedFile | undefined> {
    return await this.#run('exportModel', task);
  }

  /** @throws {ModelThreadsBusyError} */
  async predict(task: PredictTask): Promise<PredictOutcome> {
    return await this.#run('predict', task);
  }

  /** @throws {ModelThreadsBusyError} */
  async evaluatedRows(task: RowsTask): Promise<RowsOutcome> {
    return await this.#run('evaluatedRows', task);
  }

  /**
   * A row's image as PNG; undefined if the dataset is gone.
   * @throws {ModelThreadsBusyError}
   */
  async datasetImage(task: ImageTask): Promise<Uint8Array | undefined> {
    return await this.#run('datasetImage', task);
  }

  /**
   * The JSON of a page of rows; undefined if the dataset is gone.
   * @throws {ModelThreadsBusyError}
   */
  async datasetRows(task: DatasetRowsTask): Promise<string | undefined> {
    return await this.#run('datasetRows', task);
  }

  /**
   * Writes the first checkpoint of a fork into the new job's folder.
   * @throws {ModelThreadsBusyError}
   */
  async fork(task: ForkTask): Promise<ForkOutcome> {
    return await this.#run('fork', task);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run<Result>(name: string, task: unknown): Promise<Result> {
    try {
      return (await this.#pool.run(task, { name })) as Result;
    } catch (error) {
      if (error instanceof Error && /queue is (at limit|full)/i.test(error.message)) {
        throw new ModelThreadsBusyError('all threads are busy with models', { cause: error });
      }
      throw error;
    }
  }
}
