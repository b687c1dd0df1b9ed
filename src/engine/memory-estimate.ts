import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { type KernelShape, kernelMemory } from './kernel/memory.ts';
import { slotNames } from './optimizer-state.ts';

/**
 * The memory that a trainer takes for a job, estimated before the job is accepted. Measured peaks of
 * trainers are 60 to 95 % of it.
 */

const MIB = 1024 * 1024;

/** A trainer with its modules, before its first job. TensorFlow.js is loaded on top. */
const BASE_BYTES = { kernel: 110 * MIB, reference: 110 * MIB, tensorflow: 220 * MIB };

/** Share of lit pixels for which memory is counted; MNIST has 0.19. The rest of their room is never touched. */
const LIT_SHARE = 0.25;

/** Copies of weights and slots while a checkpoint or the model is written. */
const COPIES = 2;

const FLOAT32_BYTES = 4;

/** @param engine `auto` means a compiled engine. @returns bytes, rather too many than too few. */
export function estimateMemory(engine: JobSpec['engine'] | EngineName, shape: KernelShape): number {
  const { layout, optimizer, batchSize, imageRows } = shape;
  const modelBytes = layout.parameters * FLOAT32_BYTES * (1 + slotNames(optimizer).length);
  const written = COPIES * modelBytes;
  const units = layout.layers.reduce((sum, { inputs, outputs }) => sum + inputs + outputs, 0);
  switch (engine) {
    case 'tensorflow':
      // Images and a batch as floats; activations, gradients and the optimizer's intermediate tensors of a step.
      return (
        BASE_BYTES.tensorflow +
        written +
        3 * modelBytes +
        imageRows * layout.inputs +
        8 * batchSize * units * FLOAT32_BYTES
      );
    case 'reference':
      return (
        BASE_BYTES.reference +
        written +
        2 * modelBytes +
        imageRows * layout.inputs +
        4 * batchSize * units * FLOAT32_BYTES
      );
    default: {
      const { bytes, litPixels } = kernelMemory(shape);
      return BASE_BYTES.kernel + written + bytes - Math.floor(litPixels.bytes * (1 - LIT_SHARE));
    }
  }
}
