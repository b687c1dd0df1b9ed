/** TFRecord, the framing of TensorFlow's files of records (tensorflow.org/tutorials/load_data/tfrecord). */

/** Bytes around a record: its length and the CRC of that before it, its CRC behind it. */
const FRAME = 8 + 4 + 4;

export function encodeTfRecords(records: readonly Buffer[]): Buffer {
  const file = Buffer.alloc(records.reduce((sum, { length }) => sum + FRAME + length, 0));
  let at = 0;
  for (const record of records) {
    const start = at + 12;
    const end = start + record.length;
    file.writeUInt32LE(record.length, at);
    file.writeUInt32LE(maskedCrc(file, at, at + 8), at + 8);
    file.set(record, start);
    file.writeUInt32LE(maskedCrc(file, start, end), end);
    at = end + 4;
  }
  return file;
}

/** Masked, because the CRC of bytes that contain CRCs is weak. */
function maskedCrc(bytes: Buffer, from: number, to: number): number {
  const crc = crc32c(bytes, from, to);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The polynomial of Castagnoli, reflected; zlib has only that of ZIP. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

function crc32c(bytes: Buffer, from: number, to: number): number {
  let crc = 0xffffffff;
  for (let i = from; i < to; i += 1) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
