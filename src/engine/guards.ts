import type { EngineOptions, EngineState } from './engine.ts';
import { powerCount, slotNames } from './optimizer-state.ts';

/** What every engine asks of its caller: the order of calls, and states of its own model. A wrong call throws. */
export class Guards {
  /** Batches of an epoch; the last one may be short. */
  readonly stepsPerEpoch: number;
  readonly #epochRows: number;
  /** What a state must hold. */
  readonly #shape: string;

  constructor({ layout, optimizer, batchSize, epochRows }: EngineOptions) {
    const P = layout.parameters;
    this.stepsPerEpoch = Math.ceil(epochRows / batchSize);
    this.#epochRows = epochRows;
    this.#shape = [P, powerCount(optimizer), ...slotNames(optimizer).map((name) => `${name} ${P}`)].join();
  }

  /** Before train(order, from, ...), when the epoch has done epochStep batches. */
  assertNext(order: Uint32Array, from: number, epochStep: number): void {
    if (order.length !== this.#epochRows) {
      throw new Error(`the order has ${order.length} rows, the epoch ${this.#epochRows}`);
    }
    if (from !== epochStep) throw new Error(`batch ${from} asked for, but batch ${epochStep} is the next`);
  }

  assertBatch(batch: number): void {
    if (batch >= this.stepsPerEpoch) throw new Error(`the epoch has no batch ${batch}`);
  }

  assertEpochDone(epochStep: number): void {
    if (epochStep !== this.stepsPerEpoch) throw new Error(`the epoch ended after ${epochStep} steps`);
  }

  assertBetweenEpochs(epochStep: number): void {
    if (epochStep !== 0) throw new Error('the state is defined between epochs only');
  }

  assertOwnState({ weights, powers, slots }: EngineState): void {
    const given = [
      weights.length,
      powers.length,
      ...slots.map(({ name, values }) => `${name} ${values.length}`),
    ].join();
    if (given !== this.#shape) throw new Error(`the state (${given}) is not of this model (${this.#shape})`);
  }
}
