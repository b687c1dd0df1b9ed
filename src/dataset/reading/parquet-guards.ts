/**
 * What is checked before hyparquet decodes: it takes the lengths in a file as they are, so that a few wrong bytes could
 * take all memory or loop for minutes.
 */

/** A file does not follow the format; the message is for people. */
export class ParquetError extends Error {
  override readonly name = 'ParquetError';
}

/** Structures of Parquet's metadata are at most 9 deep. */
const DEEPEST = 16;
/** Structures from this depth are statistics of columns. */
const STATISTICS_DEPTH = 4;
/** hyparquet takes time by the square of their length. Writers leave out those above 4 kB. */
const LONGEST_STATISTIC = 2 ** 14;

const [STOP, BYTE, DOUBLE, BINARY, LIST, STRUCT] = [0, 3, 7, 8, 9, 12];

/**
 * Where a structure in Thrift's compact protocol ends; undefined if that is behind the bytes, or if it is none. Lists
 * and texts are not longer than the bytes that are there.
 */
export function thriftEnd(bytes: Uint8Array, start: number): number | undefined {
  let at = start;
  /** A varint; -1 if it is none, or too large for a length. */
  const length = (): number => {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) return -1;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value < 2 ** 31 ? value : -1;
    }
    return -1;
  };
  const skipVarint = (): boolean => {
    for (let k = 0; k < 10; k += 1) {
      const byte = bytes[at];
      if (byte === undefined) return false;
      at += 1;
      if (byte < 0x80) return true;
    }
    return false;
  };
  const skip = (count: number): boolean => {
    at += count;
    return count >= 0 && at <= bytes.length;
  };
  const element = (type: number, depth: number): boolean => {
    if (type === STOP) return false;
    if (type < BYTE) return true;
    if (type === BYTE) return skip(1);
    if (type < DOUBLE) return skipVarint();
    if (type === DOUBLE) return skip(8);
    if (type === BINARY) {
      const size = length();
      return (depth < STATISTICS_DEPTH || size <= LONGEST_STATISTIC) && skip(size);
    }
    if (type === LIST) return list(depth);
    return type === STRUCT && struct(depth + 1);
  };
  const list = (depth: number): boolean => {
    const head = bytes[at];
    if (head === undefined) return false;
    at += 1;
    const size = head >> 4 === 15 ? length() : head >> 4;
    // Each element takes a byte at least; booleans take one in lists.
    if (size < 0 || size > bytes.length - at) return false;
    const type = head & 15;
    // There are no lists of lists, which could be as deep as the file is long.
    if (type === LIST) return false;
    for (let k = 0; k < size; k += 1) {
      if (!element(type === 1 || type === 2 ? BYTE : type, depth)) return false;
    }
    return true;
  };
  const struct = (depth: number): boolean => {
    if (depth > DEEPEST) return false;
    for (;;) {
      const head = bytes[at];
      if (head === undefined) return false;
      at += 1;
      const type = head & 15;
      if (type === STOP) return true;
      if (head >> 4 === 0 && !skipVarint()) return false;
      if (!element(type, depth)) return false;
    }
  };
  return struct(0) ? at : undefined;
}

/**
 * Checks the runs of `count` numbers of `width` bits, 1 or more (hybrid of run lengths and packed bits), in bytes
 * from `from` to `to`: hyparquet writes runs as long as they say.
 * @throws {ParquetError}
 */
export function checkRuns(bytes: Uint8Array, from: number, to: number, width: number, count: number): void {
  if (width > 32) throw new ParquetError(`numbers of ${width} bits`);
  let [at, seen] = [from, 0];
  while (seen < count) {
    let [head, shift] = [0, 0];
    for (;;) {
      if (at >= to || shift > 28) throw new ParquetError('runs end too early');
      const byte = bytes[at]!;
      at += 1;
      head += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    const run = Math.floor(head / 2);
    const numbers = head % 2 === 1 ? run * 8 : run;
    // Packed bits come in eights, and some writers fill up whole groups.
    const spare = head % 2 === 1 ? 512 : 0;
    if (numbers > count - seen + spare) throw new ParquetError('a run is longer than its page');
    // hyparquet takes a byte for it.
    if (numbers === 0 && head === 1) throw new ParquetError('a run of nothing');
    at += head % 2 === 1 ? run * width : (width + 7) >> 3;
    if (at > to) throw new ParquetError('runs end too early');
    seen += numbers;
  }
}

/** Delta encoding: its blocks, before hyparquet takes memory for them. @throws {ParquetError} */
export function checkDeltas(bytes: Uint8Array, from: number): void {
  const numbers: number[] = [];
  let at = from;
  while (numbers.length < 2) {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined || shift > 21) throw new ParquetError('blocks of deltas without sizes');
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    numbers.push(value);
  }
  const [block, parts] = numbers as [number, number];
  if (
    block < 128 ||
    block > 2 ** 20 ||
    block % 128 !== 0 ||
    parts < 1 ||
    parts > 1024 ||
    (block / parts) % 32 !== 0
  ) {
    throw new ParquetError(`blocks of ${block} deltas in ${parts} parts`);
  }
}
