import type { EngineOptions, EngineState } from './engine.ts';
import { powerCount, slotNames } from './optimizer-state.ts';

/** The checks that all engines share: the order of calls, and the shape of restored states. A wrong call throws. */
export class Guards {
  /** Batches per epoch; the last one may be short. */
  readonly stepsPerEpoch: number;
  readonly #epochRows: number;
  /** The names and sizes that a state must have. */
  readonly #shape: string;

  constructor({ layout, optimizer, batchSize, epochRows }: EngineOptions) {
    const P = layout.parameters;
    this.stepsPerEpoch = Math.ceil(epochRows / batchSize);
    this.#epochRows = epochRows;
    this.#shape = [P, powerCount(optimizer), ...slotNames(optimizer).map((name) => `${name} ${P}`)].join();
  }

  /** Checks the arguments of train(order, from, ...); epochStep: batches of the epoch trained so far. */
  assertNext(order: Uint32Array, from: number, epochStep: number): void {
    if (order.length !== this.#epochRows) {
      throw new Error(`the order has ${order.length} rows, but the epoch has ${this.#epochRows}`);
    }
    if (from !== epochStep) throw new Error(`batch ${from} was requested, but batch ${epochStep} is next`);
  }

  assertBatch(batch: number): void {
    if (batch >= this.stepsPerEpoch) throw new Error(`the epoch has no batch ${batch}`);
  }

  assertEpochDone(epochStep: number): void {
    if (epochStep !== this.stepsPerEpoch)
      throw new Error(`the epoch was ended after ${epochStep} of its ${this.stepsPerEpoch} steps`);
  }

  assertBetweenEpochs(epochStep: number): void {
    if (epochStep !== 0) throw new Error('the state is only defined between epochs');
  }

  assertOwnState({ weights, powers, slots }: EngineState): void {
    const given = [
      weights.length,
      powers.length,
      ...slots.map(({ name, values }) => `${name} ${values.length}`),
    ].join();
    if (given !== this.#shape)
      throw new Error(`the state (${given}) does not fit this model (${this.#shape})`);
  }
}
