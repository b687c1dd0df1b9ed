/**
 * Leaves out rows until at most `most` (2 or more) are left, in order. The first and the last stay. Those between are
 * divided into equal stretches, and of each stretch the rows with the smallest and the largest value of each measure
 * stay, so that a curve keeps its peaks. With too few for that, only the first and the last stay.
 */
export function thinRows<Measure extends string, Row extends Readonly<Record<Measure, number | null>>>(
  rows: readonly Row[],
  most: number,
  measures: readonly Measure[],
): readonly Row[] {
  if (rows.length <= most) return rows;
  const present = measures.filter((measure) => rows.some((row) => row[measure] !== null));
  const stretches = present.length === 0 ? 0 : Math.floor((most - 2) / (2 * present.length));
  const inner = rows.length - 2;
  const kept = new Set([0, rows.length - 1]);
  for (let s = 0; s < stretches; s += 1) {
    const from = 1 + Math.floor((s * inner) / stretches);
    const to = 1 + Math.floor(((s + 1) * inner) / stretches);
    for (const measure of present) {
      for (const index of extremes(rows, measure, from, to)) kept.add(index);
    }
  }
  return rows.filter((_, index) => kept.has(index));
}

/** The indexes in [from, to) of the first smallest and the first largest value, if any row has one. */
function extremes<Measure extends string>(
  rows: readonly Readonly<Record<Measure, number | null>>[],
  measure: Measure,
  from: number,
  to: number,
): number[] {
  let [smallest, largest] = [-1, -1];
  for (let index = from; index < to; index += 1) {
    const value = rows[index]![measure];
    if (value === null) continue;
    if (smallest < 0 || value < rows[smallest]![measure]!) smallest = index;
    if (largest < 0 || value > rows[largest]![measure]!) largest = index;
  }
  return smallest < 0 ? [] : [smallest, largest];
}
