import { u32 } from '../engine/random.ts';
import { numberColumns } from './reading/array-columns.ts';
import { standardised } from './reading/array-targets.ts';
import type { MadeDataset } from './reading/made-dataset.ts';
import { cosineOfTurns, sineOfTurns } from './sine.ts';

/**
 * Datasets that need no file and can be looked at: points in a plane whose class is a shape, and a wave. Every number
 * is drawn by a hash of (42, row, k) and computed by + - * / alone, so the bits are the same on every machine.
 */

const SEED = 42;
const ROWS = { train: 2_000, test: 500 };
const TWO_TO_32 = 4_294_967_296;

/** Numbers of a row, uniform in [0, 1): the k-th is the same wherever it is asked for. */
class Draw {
  readonly #stream: number;
  readonly #row: number;

  constructor(stream: number, row: number) {
    this.#stream = stream;
    this.#row = row;
  }

  uniform(k: number): number {
    return u32(SEED, this.#stream, this.#row, k) / TWO_TO_32;
  }

  /**
   * About normal, mean 0, deviation 1: twelve uniform numbers, less 6. Never beyond 6. k: from 0, for each such
   * number.
   */
  normal(k: number): number {
    let sum = 0;
    for (let n = 0; n < 12; n += 1) sum += this.uniform(NORMALS + 12 * k + n);
    return sum - 6;
  }
}

/** Where the numbers for `normal` start. */
const NORMALS = 100;

type Point = readonly [x: number, y: number];

interface Shape {
  /** What numbers are drawn for: ASCII. */
  readonly stream: number;
  readonly classes: readonly string[];
  /** of: the class, which goes round with the rows. */
  point(of: number, draw: Draw): Point;
}

const noisy = ([x, y]: Point, noise: number, draw: Draw): Point => [
  x + noise * draw.normal(0),
  y + noise * draw.normal(1),
];

const onCircle = (turns: number): Point => [cosineOfTurns(turns), sineOfTurns(turns)];

const SHAPES = {
  /** Two half circles that reach into each other. */
  moons: {
    stream: 0x4d_4f_4f_4e,
    classes: ['upper', 'lower'],
    point(of, draw) {
      const [x, y] = onCircle(draw.uniform(0) / 2);
      return noisy(of === 0 ? [x, y] : [1 - x, 0.5 - y], 0.12, draw);
    },
  },
  /** A ring in a ring. */
  circles: {
    stream: 0x43_49_52_43,
    classes: ['outer', 'inner'],
    point(of, draw) {
      const [x, y] = onCircle(draw.uniform(0));
      const radius = of === 0 ? 1 : 0.5;
      return noisy([radius * x, radius * y], 0.08, draw);
    },
  },
  /** Three arms around the origin. */
  spirals: {
    stream: 0x53_50_49_52,
    classes: ['first', 'second', 'third'],
    point(of, draw) {
      const radius = draw.uniform(0);
      const [x, y] = onCircle(of / 3 + 0.75 * radius);
      return noisy([radius * x, radius * y], 0.025, draw);
    },
  },
  /** Four squares; those across from each other are of one class. */
  xor: {
    stream: 0x58_4f_52_20,
    classes: ['different', 'same'],
    point(of, draw) {
      const x = 0.05 + 0.95 * draw.uniform(0);
      const y = 0.05 + 0.95 * draw.uniform(1);
      const left = draw.uniform(2) < 0.5;
      const below = of === 1 ? left : !left;
      return [left ? -x : x, below ? -y : y];
    },
  },
  /** Four round heaps. */
  blobs: {
    stream: 0x42_4c_4f_42,
    classes: ['east', 'north', 'west', 'south'],
    point: (of, draw) => noisy(onCircle(of / 4), 0.25, draw),
  },
} as const satisfies Record<string, Shape>;

/** One period and a half of a wave, to predict y from x. */
const SINE = { stream: 0x53_49_4e_45, periods: 1.5, noise: 0.05 };

export const GENERATED_NAMES = [...(Object.keys(SHAPES) as (keyof typeof SHAPES)[]), 'sine'] as const;
export type GeneratedName = (typeof GENERATED_NAMES)[number];

/** Train rows come first: row 2,000 is the first of test. */
export function generateDataset(name: GeneratedName): MadeDataset {
  return name === 'sine' ? sine() : points(name);
}

function points(name: keyof typeof SHAPES): MadeDataset {
  const shape: Shape = SHAPES[name];
  const part = (first: number, rows: number) => {
    const values = new Float32Array(2 * rows);
    const targets = new Uint16Array(rows);
    for (let k = 0; k < rows; k += 1) {
      const of = k % shape.classes.length;
      values.set(shape.point(of, new Draw(shape.stream, first + k)), 2 * k);
      targets[k] = of;
    }
    return { rows, values, targets };
  };
  const train = part(0, ROWS.train);
  return {
    kind: 'table',
    task: 'classification',
    inputs: 2,
    image: null,
    outputs: shape.classes.length,
    classes: shape.classes,
    storage: 'f32',
    train,
    test: part(ROWS.train, ROWS.test),
    columns: numberColumns(train.values, 2, 'none').map((column, k) => ({
      ...column,
      name: k === 0 ? 'x' : 'y',
    })),
    target: { name: 'class', type: 'class' },
    options: { generated: name, seed: SEED },
    notes: [],
  };
}

function sine(): MadeDataset {
  const part = (first: number, rows: number) => {
    const values = new Float32Array(rows);
    const targets = new Float64Array(rows);
    for (let k = 0; k < rows; k += 1) {
      const draw = new Draw(SINE.stream, first + k);
      const x = Math.fround(2 * draw.uniform(0) - 1);
      values[k] = x;
      targets[k] = sineOfTurns((SINE.periods / 2) * x) + SINE.noise * draw.normal(0);
    }
    return { rows, values, targets };
  };
  const [train, test] = [part(0, ROWS.train), part(ROWS.train, ROWS.test)];
  const scaled = standardised('y', train.targets, test.targets);
  return {
    kind: 'table',
    task: 'regression',
    inputs: 1,
    image: null,
    outputs: 1,
    classes: null,
    storage: 'f32',
    train: { ...train, targets: scaled.train },
    test: { ...test, targets: scaled.test },
    columns: numberColumns(train.values, 1, 'none').map((column) => ({ ...column, name: 'x' })),
    target: scaled.target,
    options: { generated: 'sine', seed: SEED },
    notes: [],
  };
}
