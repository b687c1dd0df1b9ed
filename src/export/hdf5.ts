/**
 * Writes HDF5 files that every reader since 1998 opens: version 0 of the superblock, groups as symbol tables, contiguous
 * arrays. The same tree always gives the same bytes. Format: "HDF5 File Format Specification Version 3.0", sections
 * II.A (superblock), III.A, III.C and III.D (B-tree, symbol table node, local heap) and IV.A (object headers).
 */

export type Hdf5Array = Float32Array | Int32Array | Uint32Array;

/** An array of rank 0 has dims []. */
export interface Hdf5Dataset {
  readonly dims: readonly number[];
  /** Row-major; as many as the product of dims. */
  readonly values: Hdf5Array;
}

export interface Hdf5Group {
  readonly [name: string]: Hdf5Group | Hdf5Dataset;
}

const UNDEFINED = 0xffff_ffff_ffff_ffffn;
const SUPERBLOCK_BYTES = 96;
const INTERNAL_K = 16;
/** Room for 2 * LEAF_K entries in a group: each group has one symbol table node. */
const LEAF_K = 32;
const ENTRY_BYTES = 40;
const NODE_BYTES = 8 + 2 * LEAF_K * ENTRY_BYTES;
const TREE_BYTES = 24 + (2 * INTERNAL_K + 1) * 8 + 2 * INTERNAL_K * 8;

/** @throws when a group has more than 64 members. */
export function encodeHdf5(root: Hdf5Group): Uint8Array {
  const file = new Hdf5File();
  const { header, tree, heap } = file.group(root);
  return file.finish(header, tree, heap);
}

interface GroupAddresses {
  header: number;
  tree: number;
  heap: number;
}

class Hdf5File {
  readonly #parts: Buffer[] = [];
  #end = SUPERBLOCK_BYTES;

  /** Appends bytes at the next multiple of 8; returns their address. */
  #add(bytes: Buffer): number {
    const address = this.#end;
    const padding = Buffer.alloc((8 - (bytes.length % 8)) % 8);
    this.#parts.push(bytes, padding);
    this.#end += bytes.length + padding.length;
    return address;
  }

  group(members: Hdf5Group): GroupAddresses {
    // Readers search the node by halves, so the names stand in the order of their bytes.
    const names = Object.keys(members).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    if (names.length > 2 * LEAF_K)
      throw new Error(`a group may have ${2 * LEAF_K} members, not ${names.length}`);
    const addresses = names.map((name) => {
      const member = members[name]!;
      return isDataset(member) ? this.#dataset(member) : this.group(member).header;
    });
    // The heap begins with the empty name, the lower bound of the tree's keys.
    const nameBytes = names.map((name) => padded(Buffer.from(`${name}\0`, 'utf8')));
    const offsets: number[] = [];
    let offset = 8;
    for (const bytes of nameBytes) {
      offsets.push(offset);
      offset += bytes.length;
    }
    const node = Buffer.alloc(NODE_BYTES);
    node.write('SNOD', 'latin1');
    node.writeUInt8(1, 4);
    node.writeUInt16LE(names.length, 6);
    names.forEach((_, i) => {
      node.writeBigUInt64LE(BigInt(offsets[i]!), 8 + i * ENTRY_BYTES);
      node.writeBigUInt64LE(BigInt(addresses[i]!), 16 + i * ENTRY_BYTES);
    });
    const heap = this.#heap(Buffer.concat([Buffer.alloc(8), ...nameBytes]));
    const tree = this.#tree(names.length === 0 ? undefined : this.#add(node), offsets.at(-1) ?? 0);
    return { header: this.#add(objectHeader([[SYMBOL_TABLE, u64s(tree, heap)]])), tree, heap };
  }

  #heap(names: Buffer): number {
    const data = this.#add(names);
    const header = Buffer.alloc(32);
    header.write('HEAP', 'latin1');
    header.writeBigUInt64LE(BigInt(names.length), 8);
    // No free block.
    header.writeBigUInt64LE(1n, 16);
    header.writeBigUInt64LE(BigInt(data), 24);
    return this.#add(header);
  }

  #tree(node: number | undefined, lastName: number): number {
    const tree = Buffer.alloc(TREE_BYTES);
    tree.write('TREE', 'latin1');
    tree.writeUInt16LE(node === undefined ? 0 : 1, 6);
    tree.writeBigUInt64LE(UNDEFINED, 8);
    tree.writeBigUInt64LE(UNDEFINED, 16);
    if (node !== undefined) u64s(0, node, lastName).copy(tree, 24);
    return this.#add(tree);
  }

  #dataset({ dims, values }: Hdf5Dataset): number {
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (count !== values.length)
      throw new Error(`${dims.join(' x ')} is not the shape of ${values.length} values`);
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    const data = this.#add(bytes);
    const space = Buffer.alloc(8);
    space.writeUInt8(1, 0);
    space.writeUInt8(dims.length, 1);
    const layout = Buffer.alloc(18);
    // Version 3, contiguous.
    layout.writeUInt8(3, 0);
    layout.writeUInt8(1, 1);
    u64s(data, bytes.length).copy(layout, 2);
    return this.#add(
      objectHeader([
        [DATASPACE, Buffer.concat([space, u64s(...dims)])],
        [DATATYPE, datatypeOf(values)],
        // Version 2: allocated late, written when set, the default value.
        [FILL_VALUE, Buffer.from([2, 2, 2, 1, 0, 0, 0, 0])],
        [LAYOUT, layout],
      ]),
    );
  }

  finish(header: number, tree: number, heap: number): Uint8Array {
    const block = Buffer.alloc(SUPERBLOCK_BYTES);
    block.write('\x89HDF\r\n\x1a\n', 'latin1');
    // Sizes of offsets and lengths, in bytes.
    block.writeUInt8(8, 13);
    block.writeUInt8(8, 14);
    block.writeUInt16LE(LEAF_K, 16);
    block.writeUInt16LE(INTERNAL_K, 18);
    block.writeBigUInt64LE(UNDEFINED, 32);
    block.writeBigUInt64LE(BigInt(this.#end), 40);
    block.writeBigUInt64LE(UNDEFINED, 48);
    block.writeBigUInt64LE(BigInt(header), 64);
    // The entry caches the root's tree and heap.
    block.writeUInt32LE(1, 72);
    u64s(tree, heap).copy(block, 80);
    return Buffer.concat([block, ...this.#parts]);
  }
}

const DATASPACE = 0x01;
const DATATYPE = 0x03;
const FILL_VALUE = 0x05;
const LAYOUT = 0x08;
const SYMBOL_TABLE = 0x11;

function objectHeader(messages: readonly (readonly [type: number, data: Buffer])[]): Buffer {
  const body = messages.map(([type, data]) => {
    const bytes = padded(data);
    const head = Buffer.alloc(8);
    head.writeUInt16LE(type, 0);
    head.writeUInt16LE(bytes.length, 2);
    return Buffer.concat([head, bytes]);
  });
  const prefix = Buffer.alloc(16);
  prefix.writeUInt8(1, 0);
  prefix.writeUInt16LE(messages.length, 2);
  // One reference: the group's.
  prefix.writeUInt32LE(1, 4);
  prefix.writeUInt32LE(
    body.reduce((sum, { length }) => sum + length, 0),
    8,
  );
  return Buffer.concat([prefix, ...body]);
}

function datatypeOf(values: Hdf5Array): Buffer {
  if (values instanceof Float32Array) {
    // Class 1, version 1; little-endian, sign in bit 31; 4 bytes; precision 32; exponent of 8 bits at 23 with bias 127.
    return Buffer.from([0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]);
  }
  const signed = values instanceof Int32Array ? 8 : 0;
  // Class 0, version 1; 4 bytes; precision 32.
  return Buffer.from([0x10, signed, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0]);
}

function isDataset(member: Hdf5Group | Hdf5Dataset): member is Hdf5Dataset {
  return ArrayBuffer.isView(member.values);
}

function u64s(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(number), 8 * i);
  return bytes;
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
