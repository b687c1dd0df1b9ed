import { inflateRawSync } from 'node:zlib';

/** The members of a ZIP archive, found through its directory. */
export function unzip(bytes: Uint8Array): Map<string, Buffer> {
  const file = Buffer.from(bytes);
  const end = file.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const members = new Map<string, Buffer>();
  let at = file.readUInt32LE(end + 16);
  for (let k = 0; k < file.readUInt16LE(end + 10); k += 1) {
    const [length, extra, comment] = [28, 30, 32].map((offset) => file.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = file.toString('utf8', at + 46, at + 46 + length);
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const content = file.subarray(start, start + file.readUInt32LE(at + 20));
    members.set(name, file.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content));
    at += 46 + length + extra + comment;
  }
  return members;
}
