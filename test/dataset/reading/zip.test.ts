import { readFile } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Archive, withArchive } from '../../../src/dataset/reading/zip.ts';
import { LIMITS, made, refusal, written, zipOf } from './archive-files.ts';

/** All content of an archive, once by chunks and once at once. */
async function contents(archive: Archive): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of archive.entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of archive.chunks(entry)) chunks.push(chunk);
    const whole = await archive.read(entry);
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    found.set(entry.name, whole.toString());
  }
  return found;
}

const read = async (bytes: Uint8Array, limits = LIMITS) =>
  await withArchive(await written(bytes), limits, contents);

const FIRST = Buffer.from('the first file of the archive');
const TWO = { 'a.txt': FIRST, 'folder/b.txt': Buffer.alloc(0) };

/** Offsets of the only entry's fields: in its own header, and in the directory. */
function patched(
  change: (zip: Buffer, local: number, central: number) => void,
  files: Readonly<Record<string, Uint8Array>> = { 'a.txt': FIRST },
): Buffer {
  const zip = Buffer.from(zipOf(files));
  change(zip, 0, zip.indexOf('PK\x01\x02', 0, 'latin1'));
  return zip;
}

/** An archive with one deflated entry, which says that it has `bytes` bytes. */
function deflated(content: Buffer, bytes: number): Buffer {
  const packed = deflateRawSync(content);
  return patched(
    (zip, local, central) => {
      for (const at of [local + 8, central + 10]) zip.writeUInt16LE(8, at);
      for (const at of [local + 22, central + 24]) zip.writeUInt32LE(bytes, at);
    },
    { 'a.txt': packed },
  );
}

it('reads what is stored and what is deflated', async () => {
  expect(await read(zipOf(TWO))).toEqual(
    new Map([
      ['a.txt', FIRST.toString()],
      ['folder/b.txt', ''],
    ]),
  );
  expect([...(await withArchive(made('idx.zip'), LIMITS, contents)).keys()]).toHaveLength(4);
});

it('reads names in UTF-8 also where the archive does not say so, others as code page 437', async () => {
  const named = (bytes: Buffer) =>
    patched(
      (zip, local, central) => {
        for (const at of [local + 6, central + 8]) zip.writeUInt16LE(0, at);
        for (const at of [local + 30, central + 46]) bytes.copy(zip, at);
      },
      { [bytes.toString('latin1').replaceAll(/[^a-z]/g, 'x')]: FIRST },
    );
  expect([...(await read(named(Buffer.from('köln')))).keys()]).toEqual(['köln']);
  expect([...(await read(named(Buffer.from('k\x94ln', 'latin1')))).keys()]).toEqual(['köln']);
});

describe('refuses by name', () => {
  it.each<[string, Buffer, string]>([
    [
      'an encrypted entry',
      patched((zip, local, central) => {
        zip.writeUInt16LE(0x801, local + 6);
        zip.writeUInt16LE(0x801, central + 8);
        zip.writeUInt32LE(FIRST.length - 12, central + 24);
      }),
      'a.txt | It is encrypted. Make the archive without a password.',
    ],
    [
      'another method',
      patched((zip, local, central) => {
        zip.writeUInt16LE(14, local + 8);
        zip.writeUInt16LE(14, central + 10);
      }),
      'a.txt | It is compressed with LZMA. Make the archive with Deflate',
    ],
    ['an unknown method', patched((zip, _, central) => zip.writeUInt16LE(77, central + 10)), 'the method 77'],
    [
      'a wrong checksum',
      patched((zip) => zip.write('X', 40)),
      'a.txt | It is damaged: its checksum (CRC-32) is wrong',
    ],
    [
      'an entry beyond the file',
      patched((zip, _, central) => {
        zip.writeUInt32LE(1_000_000, central + 20);
        zip.writeUInt32LE(1_000_000, central + 24);
      }),
      'a.txt | It is damaged: file data overflows file bounds',
    ],
    [
      'content that is not deflated',
      patched((zip, _, central) => zip.writeUInt16LE(8, central + 10)),
      'a.txt | It is damaged',
    ],
    ['more bytes than it says', deflated(Buffer.alloc(1_000_000), 1000), 'a.txt | It is damaged'],
    [
      'fewer bytes than it says',
      deflated(Buffer.alloc(1000), 1001),
      'a.txt | It is damaged: 1000 of 1001 bytes are there',
    ],
  ])('%s', async (_, zip, message) => {
    const path = await written(zip);
    expect(await refusal(withArchive(path, LIMITS, contents))).toContain(message);
    const atOnce = (archive: Archive) => archive.read(archive.entries[0]!);
    expect(await refusal(withArchive(path, LIMITS, atOnce))).toContain(message.split(':')[0]);
  });

  it('what unpacks to more than the limit, before it is unpacked', async () => {
    const limits = { ...LIMITS, unpackedBytes: 999_999 };
    expect(await refusal(read(deflated(Buffer.alloc(1_000_000), 1_000_000), limits))).toContain(
      'a.txt | With it, the archive has more than 999999 bytes unpacked',
    );
  });

  it('two files of one name', async () => {
    const zip = Buffer.from(
      zipOf({ 'a.txt': FIRST, 'b.txt': FIRST }).map((byte) => (byte === 0x62 ? 0x61 : byte)),
    );
    expect(await refusal(read(zip))).toContain('a.txt | The archive has two files of this name');
  });
});

describe('refuses as a whole', () => {
  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'not a ZIP archive'],
    ['a picture', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'not a ZIP archive'],
    [
      'names that leave the folder',
      Buffer.from(zipOf({ '../../etc/passwd': FIRST })),
      'invalid relative path: ../../etc/passwd',
    ],
    ['names from the root', Buffer.from(zipOf({ '/etc/passwd': FIRST })), 'absolute path: /etc/passwd'],
    ['names of a drive', Buffer.from(zipOf({ 'C:\\x': FIRST })), 'absolute path: C:/x'],
    [
      'names without end',
      Buffer.from(zipOf({ ['a/'.repeat(501)]: FIRST, b: FIRST })),
      'at most 1000 characters',
    ],
    ['a cut archive', Buffer.from(zipOf(TWO)).subarray(0, -10), 'not a ZIP archive'],
    ['half an archive', Buffer.from(zipOf(TWO)).subarray(60), 'not a ZIP archive'],
  ])('%s', async (_, zip, message) => {
    expect(await refusal(read(zip))).toContain(message);
  });

  it('more entries than are taken, by what it says', async () => {
    const zip = await readFile(made('zip64.npz'));
    // The count of entries in the ZIP64 record of the directory's end.
    zip.writeBigUInt64LE(2n ** 40n, zip.indexOf('PK\x06\x06', 0, 'latin1') + 32);
    expect(await refusal(read(zip))).toContain('1099511627776 entries; at most');
  });
});

it('refuses more entries than there is memory for', async () => {
  expect(await refusal(read(zipOf(TWO), { ...LIMITS, unpackedBytes: 1000 }))).toContain(
    'has 2 entries, more than there is memory',
  );
});

it('closes the file, also when entries are left half read', async () => {
  const zip = Buffer.from(zipOf({ 'a.bin': Buffer.alloc(3_000_000, 7) }));
  const path = await written(zip);
  for (let k = 0; k < 50; k += 1) {
    await withArchive(path, LIMITS, async (archive) => {
      for await (const chunk of archive.chunks(archive.entries[0]!)) {
        expect(chunk[0]).toBe(7);
        break;
      }
    });
  }
});
