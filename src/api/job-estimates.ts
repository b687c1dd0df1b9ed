import type { DataShape } from '../contract/data-shape.ts';
import { type EngineName, EngineNameSchema, type JobSpec } from '../contract/job-spec.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { jobWork } from '../training/job-work.ts';
import type { ApiDeps } from './deps.ts';
import { Remembered } from './remembered.ts';
import { TimeModel } from './time-model.ts';

/** A model costs a read of 50 timings and a few ms. */
const MODEL_MS = 2_000;

/** `engine`: the one that would train the job; `jobs`: finished ones that the estimate rests on. */
export type Estimate =
  | { engine: EngineName; seconds: number; jobs: number }
  | { engine: EngineName | undefined; seconds: undefined; reason: string };

/** How long jobs would take, from what the finished jobs of this installation took. */
export class JobEstimates {
  readonly #workers: Remembered<WorkerReport[]>;
  readonly #models: Readonly<Record<EngineName, Remembered<TimeModel | undefined>>>;

  constructor({ timings }: Pick<ApiDeps, 'timings'>, workers: Remembered<WorkerReport[]>) {
    this.#workers = workers;
    const model = (engine: EngineName) =>
      new Remembered(async () => TimeModel.learn(await timings.list(engine)), MODEL_MS);
    this.#models = Object.fromEntries(
      EngineNameSchema.options.map((engine) => [engine, model(engine)]),
    ) as Record<EngineName, Remembered<TimeModel | undefined>>;
  }

  /** @throws {StoreUnavailableError} */
  async of(spec: JobSpec, data: DataShape): Promise<Estimate> {
    const engine = engineFor(spec.engine, await this.#workers.get());
    if (typeof engine !== 'string') return { engine: undefined, seconds: undefined, ...engine };
    const model = await this.#models[engine].get();
    if (model === undefined) {
      const reason = `No job on the engine ${engine} has finished here yet, so its speed is not known.`;
      return { engine, seconds: undefined, reason };
    }
    const seconds = Math.round(1000 * model.seconds(jobWork({ spec, data }))) / 1000;
    return { engine, seconds, jobs: model.jobs };
  }
}

/** The engine that the workers would take, or the reason why that is not known. */
function engineFor(
  wanted: JobSpec['engine'],
  workers: readonly WorkerReport[],
): EngineName | { reason: string } {
  if (wanted !== 'auto') return wanted;
  // Workers list their engines in the order in which auto takes them.
  const choices = workers.map(({ engines }) => engines.find(({ available }) => available)?.name);
  const names = [...new Set(choices.filter((name) => name !== undefined))];
  if (names.length === 1) return names[0];
  return {
    reason:
      names.length === 0
        ? 'No worker is live, so it is not known which engine trains the job. Name one in `engine`.'
        : `The live workers choose different engines for auto: ${names.join(', ')}. Name one in \`engine\`.`,
  };
}
