import { describe, expect, it } from 'vitest';
import { PANEL_COLUMNS } from '../../../src/engine/kernel/header.ts';
import type { KernelEngine } from '../../../src/engine/kernel/kernel-engine.ts';
import { fileOrder } from '../../../src/engine/random.ts';
import { steadyRates, trainEpoch } from '../engine-runs.ts';
import { ACTIVATIONS, type EngineProblem, OPTIMIZERS, smallProblem } from '../small-problem.ts';
import { describeEach, KERNEL_ENGINES } from '../tested-engines.ts';

const rmsprop = OPTIMIZERS.rmsprop!;

describeEach(KERNEL_ENGINES, (create) => {
  describe('padding', () => {
    const expectCleanPadding = (options: EngineProblem) => {
      const engine = create(options);
      expect(paddingBytes(engine).length).toBeGreaterThan(1000);
      for (let epoch = 1; epoch <= 3; epoch += 1) trainEpoch(engine, options, epoch);
      expect(paddingBytes(engine).filter((byte) => byte !== 0)).toHaveLength(0);
    };
    const hiddenUnits = [33, 7, 15];

    it.each(Object.entries(OPTIMIZERS))('is +0 after a run with %s', (_, optimizer) => {
      expectCleanPadding(smallProblem({ hiddenUnits, optimizer }));
    });

    it('is +0 after a run with l1 and l2', () => {
      expectCleanPadding(smallProblem({ hiddenUnits, optimizer: rmsprop, l1: 0.01, l2: 0.01 }));
    });

    it.each(ACTIVATIONS)('is +0 after a run with %s and dropout', (activation) => {
      expectCleanPadding(smallProblem({ hiddenUnits, optimizer: rmsprop, activation, dropout: 0.3 }));
    });
  });

  it('detects that the process has denormal numbers: in the kernel, half of the smallest normal is not 0', () => {
    const { denormalsAreAlive } = create(smallProblem({ hiddenUnits: [], optimizer: rmsprop })).kernel;
    expect(denormalsAreAlive(2 ** -126)).toBe(1);
    // The result if they were flushed to 0.
    expect(denormalsAreAlive(0)).toBe(0);
  });

  it('refuses rows that have no values', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const engine = create(options);
    expect(() => engine.train(fileOrder(53).with(52, 53), 0, steadyRates(options, 7))).toThrow('row 53');
  });
});

/** The bytes of all padding columns: of weights, slots, outputs, outputs after dropout, and deltas. */
function paddingBytes({ map, memory }: KernelEngine): number[] {
  const blocks = map.parameters.bytes / map.slotDistance;
  return map.layers.flatMap(({ outputs, weights, out, kept, deltas }) => {
    const parameters = Array.from({ length: blocks }, (_, block) => ({
      ...weights,
      address: weights.address + block * map.slotDistance,
    }));
    return [...parameters, out, kept, deltas].flatMap(({ address, bytes }) => {
      const panels = Math.ceil(outputs / PANEL_COLUMNS);
      const last = new Uint8Array(memory, address + (bytes / panels) * (panels - 1), bytes / panels);
      const used = 4 * (outputs - (panels - 1) * PANEL_COLUMNS);
      return [...last].filter((_, k) => k % (4 * PANEL_COLUMNS) >= used);
    });
  });
}
