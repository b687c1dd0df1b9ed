import type { Optimizer } from '../contract/optimizer.ts';
import type { EngineState } from '../engine/engine.ts';
import { initialSlotValue, keepsSameState, powerCount, slotNames } from '../engine/optimizer-state.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { JobInput } from './job-engine.ts';

/** A running product before its first factor. */
const NO_FACTOR = 1;

/**
 * The checkpoint of a parent as the one that its fork begins with: weights, steps and history stay, and so does the
 * optimizer's state if it can.
 * @param child with the same model on the same data
 * @throws {CheckpointError}
 */
export function forkCheckpoint(
  bytes: Uint8Array,
  parent: JobInput,
  child: JobInput,
): { bytes: Uint8Array; steps: number } {
  const checkpoint = decodeCheckpoint(bytes, parent);
  const keeps = keepsSameState(parent.spec.optimizer, child.spec.optimizer);
  const forked: Checkpoint = keeps
    ? checkpoint
    : { ...checkpoint, state: withNewOptimizer(checkpoint.state, child.spec.optimizer) };
  return { bytes: encodeCheckpoint(forked, child), steps: checkpoint.state.steps };
}

const withNewOptimizer = ({ weights, steps }: EngineState, optimizer: Optimizer): EngineState => ({
  weights,
  steps,
  slots: slotNames(optimizer).map((name) => ({
    name,
    values: new Float32Array(weights.length).fill(initialSlotValue(optimizer)),
  })),
  powers: Array.from({ length: powerCount(optimizer) }, () => NO_FACTOR),
});
