/** Counts what a JSON text holds without parsing it, because checking a body with thousands of values is expensive. */

const BYTE = { quote: 0x22, backslash: 0x5c, comma: 0x2c } as const;
const OPENING = new Set([...'[{'].map((bracket) => bracket.charCodeAt(0)));
const CLOSING = new Set([...']}'].map((bracket) => bracket.charCodeAt(0)));

export interface JsonLimits {
  /** Members of all objects and items of all arrays together. */
  values: number;
  /** Objects and arrays inside each other. */
  depth: number;
}

/**
 * The first limit that a text in UTF-8 exceeds, or undefined. Stops there, and takes any bytes: whether they are JSON is
 * for the parser to say.
 */
export function exceeds(bytes: Uint8Array, limits: JsonLimits): keyof JsonLimits | undefined {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === BYTE.quote) at = endOfString(bytes, at);
    else if (CLOSING.has(byte)) depth -= 1;
    else if (OPENING.has(byte)) {
      depth += 1;
      values += 1;
      if (depth > limits.depth) return 'depth';
    } else if (byte === BYTE.comma) values += 1;
    if (values > limits.values) return 'values';
  }
  return undefined;
}

/** The index of the quote that ends a string, or of the last byte. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== BYTE.quote) at += bytes[at] === BYTE.backslash ? 2 : 1;
  return at;
}
