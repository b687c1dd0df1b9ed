import { numberColumns, scaledBy } from './array-columns.ts';
import { type ArrayRows, refuseNonFinite, type Scale, type Values } from './array-rows.ts';
import { type ArrayTargets, standardised } from './array-targets.ts';
import type { MadeDataset, MadeRows, TargetColumn } from './made-dataset.ts';
import { DatasetRefusedError } from './refusal.ts';

/** A dataset of arrays that are read and split. */

/** values, targets: train, test. @throws {DatasetRefusedError} */
export function datasetOfArrays(
  { header, shape: { inputs, image } }: Omit<ArrayRows, 'values'>,
  [train, test]: readonly Values[],
  targets: ArrayTargets,
  options: { readonly scale: Scale; readonly test_split: number | null },
  notes: readonly string[],
): MadeDataset {
  if (test!.length === 0)
    throw new DatasetRefusedError('There are no test rows. Raise test_split, or send more rows.');
  if (train!.length === 0)
    throw new DatasetRefusedError('There are no train rows. Lower test_split, or send more rows.');
  const { values, columns } = prepared(train!, test!, inputs, image, options.scale);
  const rows = targetsOf(targets);
  const [trainRows, testRows] = values.map((part, k): MadeRows => {
    return { rows: part.length / inputs, values: part, targets: rows.targets[k]! };
  });
  const storage = values[0] instanceof Uint8Array ? 'u8' : 'f32';
  return {
    kind: image === null ? 'table' : 'images',
    task: targets.task,
    inputs,
    image,
    outputs: targets.classes?.length ?? 1,
    classes: targets.classes,
    storage,
    train: trainRows!,
    test: testRows!,
    columns,
    target: image === null || targets.task === 'regression' ? rows.target : null,
    options: { format: 'npz', ...options, task: targets.task },
    notes: [
      ...notes,
      ...targets.notes,
      ...typeNotes(header.type.name, image, train!, storage, options.scale),
    ],
  };
}

function prepared(
  train: Values,
  test: Values,
  inputs: number,
  image: MadeDataset['image'],
  scale: Scale,
): { values: (Uint8Array | Float32Array)[]; columns: MadeDataset['columns'] } {
  if (train instanceof Uint8Array || test instanceof Uint8Array) {
    return { values: [train as Uint8Array, test as Uint8Array], columns: null };
  }
  if (image !== null) return { values: [train as Float32Array, test as Float32Array], columns: null };
  const columns = numberColumns(train, inputs, scale);
  const values =
    scale === 'none'
      ? [train as Float32Array, test as Float32Array]
      : [train, test].map((part) => scaledBy(columns, part));
  for (const part of values) refuseNonFinite(part, inputs, `x, with scale=${scale}`);
  return { values, columns };
}

function targetsOf({ targets: [train, test] }: ArrayTargets): {
  targets: (Uint16Array | Float32Array)[];
  target: TargetColumn;
} {
  if (train instanceof Uint16Array) {
    return { targets: [train, test as Uint16Array], target: { name: 'y', type: 'class' } };
  }
  const scaled = standardised('y', train as Float64Array, test as Float64Array);
  return { targets: [scaled.train, scaled.test], target: scaled.target };
}

function typeNotes(
  type: string,
  image: MadeDataset['image'],
  train: Values,
  storage: 'u8' | 'f32',
  scale: string,
): string[] {
  if (storage === 'u8') return ['The pixels are bytes: the model sees each divided by 255.'];
  if (scale !== 'none') return [];
  let [least, most] = [0, 0];
  for (const value of train) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (image !== null && (most > 1 || least < -1)) {
    return [
      `The pixels are of type ${type}, from ${least} to ${most}, and are taken as given. Models learn best from values between 0 and 1: save bytes, x.astype('uint8'), which are divided by 255.`,
    ];
  }
  if (image === null && (most > 10 || least < -10)) {
    return [
      `The columns have values from ${least} to ${most}, and are taken as given. With scale=standard they are standardised, which models learn better from.`,
    ];
  }
  return [];
}
