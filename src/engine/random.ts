/**
 * Random numbers without state (rule 10): every number is a hash of (seed, stream, a, b). The order of epoch 7 or
 * weight 12,345 can be computed without drawing those before it, and a resume has nothing to restore.
 */

/**
 * Streams: what a number is drawn for. Streams 0 to 8 are reserved for the dropout of those layers;
 * initial-weights.ts has another one.
 */
const EPOCH_ORDER = 0x4f_52_44_52;

const TWO_TO_32 = 4_294_967_296;

/** The golden ratio as a fraction of 2^32: an offset, since mix(0) = 0. */
const GOLDEN_RATIO = 0x9e_37_79_b9;

/**
 * A bijection of 32 bits in which each input bit flips each output bit about half the time: "lowbias32" by
 * Chris Wellons (https://nullprogram.com/blog/2018/07/31/).
 */
function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x7f_eb_35_2d);
  h = Math.imul(h ^ (h >>> 15), 0x84_6c_a6_8b);
  return h ^ (h >>> 16);
}

/**
 * A hash of four 32-bit integers, 0 to 2^32 - 1.
 *
 * Each part is mixed before it is combined. Otherwise the numbers of two epochs would be the same sequence at two
 * offsets.
 */
export function u32(seed: number, stream: number, a: number, b: number): number {
  return hashOf(prefixOf(seed, stream, a), b);
}

/** The part of the hash that all numbers with the same seed, stream and `a` share. */
function prefixOf(seed: number, stream: number, a: number): number {
  let h = mix(seed + GOLDEN_RATIO);
  h = mix(h ^ mix(stream + GOLDEN_RATIO));
  return mix(h ^ mix(a + GOLDEN_RATIO));
}

function hashOf(prefix: number, b: number): number {
  return mix(prefix ^ mix(b + GOLDEN_RATIO)) >>> 0;
}

/**
 * The order in which epoch `epoch` (from 1) visits `rows` rows: a permutation of 0 .. rows - 1 by
 * Fisher and Yates, from the last index down (Knuth, The Art of Computer Programming, vol. 2, algorithm P).
 */
export function epochOrder(seed: number, epoch: number, rows: number): Uint32Array {
  const order = fileOrder(rows);
  const prefix = prefixOf(seed, EPOCH_ORDER, epoch);
  for (let i = rows - 1; i > 0; i -= 1) {
    // For up to 2^21 rows the product stays below 2^53, so it is exact.
    const j = Math.floor((hashOf(prefix, i) * (i + 1)) / TWO_TO_32);
    const row = order[i];
    order[i] = order[j];
    order[j] = row;
  }
  return order;
}

/** 0, 1, ..., rows - 1. */
export function fileOrder(rows: number): Uint32Array {
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row += 1) order[row] = row;
  return order;
}
