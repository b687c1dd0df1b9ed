/** Writes messages in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding). */

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Fields in the order in which they are added. */
export class ProtoMessage {
  readonly #parts: Buffer[] = [];

  /** An int32, int64 or enum; negative ones take ten bytes. */
  int(field: number, value: number): this {
    this.#parts.push(tag(field, VARINT), varint(BigInt.asUintN(64, BigInt(value))));
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
    this.#parts.push(tag(field, LENGTH_DELIMITED), varint(BigInt(bytes.length)), bytes);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const tag = (field: number, type: number): Buffer => varint(BigInt(field * 8 + type));

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
