import { slotNames } from '../engine/optimizer-state.ts';
import type { StoredModel } from '../serving/model-task.ts';
import { ProblemError } from './http/problems.ts';

/** Keeps models from taking more memory than this process has: a large one takes hundreds of megabytes to write. */

/** The file, what it decodes to, the new file, what it is packed into, and the copy that is sent. */
const COPIES = 6;

const MIB = 1024 * 1024;

export class ModelRoom {
  readonly #bytes: number;
  #taken = 0;

  /** @param bytes for all models together. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /**
   * @returns gives the room back, once.
   * @throws {ProblemError} overloaded
   */
  take(parameters: number, { spec }: Pick<StoredModel, 'spec'>): () => void {
    const best = spec.training.early_stopping?.restore_best_weights === true ? 1 : 0;
    const bytes = COPIES * 4 * parameters * (1 + slotNames(spec.optimizer).length + best);
    if (this.#taken + bytes > this.#bytes) {
      const [needed, all] = [bytes, this.#bytes].map((value) => Math.ceil(value / MIB));
      throw new ProblemError(
        'overloaded',
        bytes > this.#bytes
          ? `This model takes ${needed} MB of memory to read, and this server has ${all} MB for models. Ask the operator for an API with more memory.`
          : `This model takes ${needed} MB of memory to read, and others take the room at the moment. Retry in a few seconds.`,
        { headers: { 'retry-after': '5' } },
      );
    }
    this.#taken += bytes;
    let given = false;
    return () => {
      if (!given) this.#taken -= bytes;
      given = true;
    };
  }
}
