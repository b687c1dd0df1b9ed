/** Writes messages in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding). */

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Fields in the order in which they are added. */
export class ProtoMessage {
  readonly #parts: Buffer[] = [];

  /** An int32, int64 or enum; negative ones take ten bytes. */
  int(field: number, value: number): this {
    this.#parts.push(
      tag(field, VARINT),
      value < 0 ? varintOf(BigInt.asUintN(64, BigInt(value))) : varint(value),
    );
    return this;
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(tag(field, FIXED_64), bytes);
    return this;
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    this.#parts.push(tag(field, FIXED_32), bytes);
    return this;
  }

  /** A string, bytes or a message. */
  add(field: number, value: string | Uint8Array | ProtoMessage): this {
    const bytes =
      typeof value === 'string'
        ? Buffer.from(value, 'utf8')
        : value instanceof ProtoMessage
          ? value.bytes()
          : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#parts.push(tag(field, LENGTH_DELIMITED), varint(bytes.length), bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const tag = (field: number, type: number): Buffer => varint(field * 8 + type);

/** value: 0 to 2^31 - 1 in one step per byte; BigInt is ten times as slow. */
function varint(value: number): Buffer {
  if (value > 0x7fffffff) return varintOf(BigInt(value));
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function varintOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
