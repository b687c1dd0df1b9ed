/**
 * Compares texts by their code points, the same on every machine: below 0, 0 or above 0. Comparison with `<` is by
 * UTF-16 unit, which puts U+1F600 before U+FF21.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let k = 0; k < length; k += 1) {
    const [left, right] = [a.charCodeAt(k), b.charCodeAt(k)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for the highest code points, so they go behind U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd8_00) return unit;
  return unit < 0xe0_00 ? unit + 0x20_00 : unit - 0x08_00;
}
