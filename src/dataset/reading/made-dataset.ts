import type { Rows } from '../content.ts';

/**
 * What a reader makes of a file: rows of numbers, as engines take them, and what they mean. Dims: R = rows, I = inputs.
 */
export interface MadeDataset {
  readonly kind: 'images' | 'table';
  readonly task: 'classification' | 'regression';
  /** Numbers of a row: height * width * channels, or those that the columns give. */
  readonly inputs: number;
  readonly image: { readonly height: number; readonly width: number; readonly channels: number } | null;
  /** The model's outputs: one per class, or 1 for a number. */
  readonly outputs: number;
  /** Class i of the targets is called classes[i]; null for a number. */
  readonly classes: readonly string[] | null;
  /** `u8`: bytes that the model sees divided by 255; `f32`: numbers as the model sees them. */
  readonly storage: 'u8' | 'f32';
  readonly train: MadeRows;
  readonly test: MadeRows;
  /** What the inputs of a table are made of, in their order; null for images. */
  readonly columns: readonly Column[] | null;
  /** The target column; null for images with classes. */
  readonly target: TargetColumn | null;
  /** Every option as it was used, defaults and what was inferred included. */
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[] | null>>;
  /** Sentences for people: what was filled in, left out or assumed. */
  readonly notes: readonly string[];
}

/** values: with storage `f32`, finite numbers. targets: class indices, or standardised numbers. */
export interface MadeRows extends Rows {
  readonly rows: number;
}

/** A column of a table that is used. */
export type Column = NumberColumn | TextColumn;

interface ColumnBase {
  readonly name: string;
  /** Rows without a value, train and test. */
  readonly missing: number;
}

/** One input: (value - offset) / divisor. A missing value becomes the mean. */
export interface NumberColumn extends ColumnBase {
  readonly type: 'number';
  /** Of the train rows, float64, before scaling. */
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
  readonly offset: number;
  readonly divisor: number;
}

/** One input for each value: 1 where the row has it, else 0. */
export interface TextColumn extends ColumnBase {
  readonly type: 'text';
  /** In code point order. A missing value is all 0. */
  readonly values: readonly string[];
}

/** A number is standardised: (value - mean) / deviation. */
export type TargetColumn =
  | { readonly name: string; readonly type: 'class' }
  | { readonly name: string; readonly type: 'number'; readonly mean: number; readonly deviation: number };
