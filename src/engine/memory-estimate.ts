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

/** Share of bytes that are not 0 for which memory is counted; MNIST has 0.19. The rest of their room is never touched. */
const NONZERO_SHARE = 0.25;

/** Copies of weights and slots while a checkpoint or the model is written. */
const COPIES = 2;

const FLOAT32_BYTES = 4;

/** @param engine `auto` means a compiled engine. @returns bytes, rather too many than too few. */
export function estimateMemory(engine: JobSpec['engine'] | EngineName, shape: KernelShape): number {
  const { layout, optimizer, batchSize, trainRows, storage } = shape;
  const dataBytes = trainRows * layout.inputs * (storage === 'u8' ? 1 : FLOAT32_BYTES);
  const modelBytes = layout.parameters * FLOAT32_BYTES * (1 + slotNames(optimizer).length);
  const written = COPIES * modelBytes;
  const units = layout.layers.reduce((sum, { inputs, outputs }) => sum + inputs + outputs, 0);
  switch (engine) {
    case 'tensorflow':
      // Rows and a batch as floats; activations, gradients and the optimizer's intermediate tensors of a step.
      return (
        BASE_BYTES.tensorflow + written + 3 * modelBytes + dataBytes + 8 * batchSize * units * FLOAT32_BYTES
      );
    case 'reference':
      return (
        BASE_BYTES.reference + written + 2 * modelBytes + dataBytes + 4 * batchSize * units * FLOAT32_BYTES
      );
    default: {
      const { bytes, nonzeros } = kernelMemory(shape);
      return (
        BASE_BYTES.kernel +
        written +
        bytes -
        (shape.storage === 'u8' ? Math.floor(nonzeros.bytes * (1 - NONZERO_SHARE)) : 0)
      );
    }
  }
}
