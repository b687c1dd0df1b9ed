import type { JobSpec } from '../contract/job-spec.ts';
import type { Targets } from '../engine/engine.ts';

/**
 * The weight of each class in training, as float32, (classes); null = all are 1.
 *
 * targets: of the rows that are trained on. balanced: rows / (classes that occur * rows of the class), scikit-learn's
 * formula (utils/class_weight.py). A map names classes by their labels; those that it leaves out weigh 1, as in Keras.
 */
export function classWeights(
  choice: JobSpec['training']['class_weight'],
  classes: readonly string[] | null,
  targets: Targets,
): Float32Array | null {
  if (choice === null || classes === null) return null;
  if (choice !== 'balanced') {
    return Float32Array.from(classes, (label) => (Object.hasOwn(choice, label) ? choice[label]! : 1));
  }
  const sizes = new Array<number>(classes.length).fill(0);
  for (const target of targets) sizes[target]! += 1;
  const occurring = sizes.filter((size) => size > 0).length;
  // A class without rows weighs nothing, whatever its weight.
  return Float32Array.from(sizes, (size) => (size === 0 ? 0 : targets.length / (occurring * size)));
}
