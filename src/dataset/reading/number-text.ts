/** Numbers as people write them in tables. */

const [ZERO, PLUS, MINUS] = [48, 43, 45];
export const POINT = 46;
export const COMMA = 44;

/** Up to 10^22 a power of ten is exact in float64. */
const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** So many digits make a whole number that is exact in float64. */
const EXACT_DIGITS = 15;

const WITH_EXPONENT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INFINITE = /^[+-]?(?:inf|infinity)$/i;

/**
 * The number that the whole text is, rounded correctly; Infinity where float64 ends, and for `inf`. NaN if the text is
 * no number.
 *
 * point: the character code in front of a fraction. Thousands are not separated.
 */
export function numberIn(text: string, point: number): number {
  const first = text.charCodeAt(0);
  let [whole, digits, decimals] = [0, 0, -1];
  for (let k = first === MINUS || first === PLUS ? 1 : 0; k < text.length; k += 1) {
    const code = text.charCodeAt(k);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9) {
      whole = whole * 10 + digit;
      digits += 1;
      if (decimals >= 0) decimals += 1;
    } else if (code === point && decimals < 0) decimals = 0;
    else return unusualNumber(text, point);
  }
  if (digits === 0) return Number.NaN;
  if (digits > EXACT_DIGITS) return unusualNumber(text, point);
  // Both are exact, so that one division rounds once.
  const value = decimals > 0 ? whole / POWERS[decimals]! : whole;
  return first === MINUS ? -value : value;
}

function unusualNumber(text: string, point: number): number {
  if (INFINITE.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  if (point === COMMA && text.includes('.')) return Number.NaN;
  const pointed = point === COMMA ? text.replace(',', '.') : text;
  return WITH_EXPONENT.test(pointed) ? Number(pointed) : Number.NaN;
}

/** How programs write that there is no value: R, pandas, SQL, spreadsheets, and the UCI repository's `?`. */
const MISSING = new Set(['', '?', 'NA', 'N/A', 'n/a', '#N/A', '<NA>', 'NaN', 'nan', 'NULL', 'null']);

export const isMissing = (text: string): boolean => text.length <= 4 && MISSING.has(text);
