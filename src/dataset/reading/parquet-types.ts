import { parseFloat16 } from 'hyparquet/src/convert.js';
import type { SchemaElement } from './parquet-file.ts';
import { ParquetError } from './parquet-guards.ts';
import type { Values } from './parquet-values.ts';

/** What Parquet's types mean in a table: numbers or text. Booleans are text, as they are in CSV. */

export type ColumnKind =
  | { readonly kind: 'number'; readonly toNumbers: (values: Values) => Float64Array }
  | { readonly kind: 'text'; readonly toTexts: (values: Values) => readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

const TEMPORAL = /^(?:DATE|TIME|TIMESTAMP|INTERVAL)/;
const WRITTEN = new Set(['UTF8', 'STRING', 'ENUM', 'JSON']);

/** Longer decimals take long to convert, and no program writes them. In bytes. */
const LONGEST_DECIMAL = 64;

export function kindOf(element: SchemaElement): ColumnKind {
  const { type, converted_type: converted = '', logical_type: logical } = element;
  const name = logical?.type ?? converted;
  if (type === 'INT96' || TEMPORAL.test(name) || TEMPORAL.test(converted)) {
    return {
      kind: 'refused',
      why: 'dates and times. Save what matters of them, such as the month or the hour, as numbers',
    };
  }
  if (name === 'DECIMAL' || converted === 'DECIMAL') {
    const scale = (typeof logical?.scale === 'number' ? logical.scale : element.scale) ?? 0;
    return { kind: 'number', toNumbers: (values) => decimals(values, scale) };
  }
  switch (type) {
    case 'BOOLEAN':
      return { kind: 'text', toTexts: (values) => Array.from(values as readonly boolean[], String) };
    case 'INT32':
    case 'INT64': {
      const unsigned = converted.startsWith('UINT_') || (name === 'INTEGER' && logical?.isSigned === false);
      return { kind: 'number', toNumbers: (values) => integers(values, unsigned) };
    }
    case 'FLOAT':
    case 'DOUBLE':
      return { kind: 'number', toNumbers: (values) => Float64Array.from(values as Float64Array) };
    case 'FIXED_LEN_BYTE_ARRAY':
      if (name === 'FLOAT16') return { kind: 'number', toNumbers: halves };
      break;
    case 'BYTE_ARRAY':
      if (name === '' || WRITTEN.has(name) || WRITTEN.has(converted)) return { kind: 'text', toTexts: texts };
  }
  return {
    kind: 'refused',
    why: `values of the type ${name === '' ? type : name}. Save it as numbers or text`,
  };
}

function integers(values: Values, unsigned: boolean): Float64Array {
  if (values instanceof Int32Array) {
    return Float64Array.from(
      unsigned ? new Uint32Array(values.buffer, values.byteOffset, values.length) : values,
    );
  }
  if (!(values instanceof BigInt64Array)) return new Float64Array(0);
  // Two halves, one rounding: many times faster than BigInt.
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  return Float64Array.from(values, (_, k) => {
    const high = words[2 * k + 1]!;
    return (unsigned ? high : high | 0) * 2 ** 32 + words[2 * k]!;
  });
}

function decimals(values: Values, scale: number): Float64Array {
  return Float64Array.from(values as ArrayLike<number | bigint | Uint8Array>, (value) => {
    const digits = value instanceof Uint8Array ? bigEndian(value) : value;
    // Read as text, it is rounded once.
    return Number(`${digits}e-${scale}`);
  });
}

function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length > LONGEST_DECIMAL) throw new ParquetError(`decimals of ${bytes.length} bytes`);
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

function halves(values: Values): Float64Array {
  return Float64Array.from(values as ArrayLike<Uint8Array>, (bytes) => parseFloat16(bytes) ?? Number.NaN);
}

function texts(values: Values): string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return Array.from(values as ArrayLike<Uint8Array>, (bytes) => decoder.decode(bytes));
  } catch {
    throw new ParquetError('text that is not UTF-8; binary values are not read');
  }
}
