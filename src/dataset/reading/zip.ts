import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib';
import {
  Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  validateFileName,
  type ZipFile,
} from 'yauzl';
import { DiskFile } from './disk-file.ts';
import { MOST_ENTRIES, type ReadLimits } from './limits.ts';
import { cut } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';

/**
 * The only way in which archives are read. Names are names: none is ever used as a path. The archive's directory says
 * how large each entry is; more than that is never inflated, and the sum is held against the limit before an entry is
 * opened. Overlapping entries and entries of entries therefore win nothing.
 */

/** A file in an archive; folders are left out. */
export interface ArchiveEntry {
  readonly name: string;
  /** Unpacked, as the archive's directory says; reading checks it. */
  readonly bytes: number;
  readonly packedBytes: number;
  readonly crc32: number;
  readonly encrypted: boolean;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  /** Of its header in the file. */
  readonly offset: number;
}

const STORED = 0;
const DEFLATED = 8;

/** Methods that people meet, by the numbers of APPNOTE.TXT. */
const METHODS: Readonly<Record<number, string>> = {
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'xz',
  98: 'PPMd',
  99: 'AES',
};

/** Characters of an entry's name, its folders included. */
const MOST_NAME = 1_000;
/** What an entry takes in memory, measured with short names. */
const ENTRY_BYTES = 600;
/** Larger entries are read as chunks. */
const MOST_AT_ONCE = 2 ** 26;
const CHUNK_BYTES = 2 ** 18;

/**
 * Opens the archive at `path` for `use`, and closes it.
 * @throws {DatasetRefusedError}
 */
export async function withArchive<Result>(
  path: string,
  limits: ReadLimits,
  use: (archive: Archive) => Promise<Result>,
): Promise<Result> {
  const file = new DiskFile(path);
  try {
    return await use(await openArchive(path, file, limits));
  } finally {
    file.close();
  }
}

async function openArchive(path: string, file: DiskFile, limits: ReadLimits): Promise<Archive> {
  try {
    const options = { autoClose: false, decodeStrings: false };
    const zip = await fromRandomAccessReaderPromise(new YauzlReader(file), file.bytes, options);
    if (zip.entryCount > MOST_ENTRIES) {
      throw new DatasetRefusedError(
        `The archive says that it has ${zip.entryCount} entries; at most ${MOST_ENTRIES} are taken.`,
      );
    }
    if (zip.entryCount * ENTRY_BYTES > limits.unpackedBytes) {
      throw new DatasetRefusedError(
        `The archive says that it has ${zip.entryCount} entries, more than there is memory for. Upload fewer, larger files.`,
      );
    }
    const entries = new Map<string, ArchiveEntry>();
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      if (name.length > MOST_NAME) {
        throw new DatasetRefusedError(`Names in an archive must have at most ${MOST_NAME} characters.`, [
          { file: cut(name), problem: `It has ${name.length} characters. Use shorter names.` },
        ]);
      }
      if (name.endsWith('/')) continue;
      if (entries.has(name)) {
        throw new DatasetRefusedError('Names in an archive must differ.', [
          {
            file: cut(name),
            problem: 'The archive has two files of this name. Make it again from an empty one.',
          },
        ]);
      }
      entries.set(name, {
        name,
        bytes: entry.uncompressedSize,
        packedBytes: entry.compressedSize,
        crc32: entry.crc32,
        encrypted: entry.isEncrypted(),
        method: entry.compressionMethod,
        offset: entry.relativeOffsetOfLocalHeader,
      });
    }
    return new Archive(path, file, zip, [...entries.values()], limits);
  } catch (error) {
    throw refusalOf(
      error,
      (why) =>
        new DatasetRefusedError(
          `The file is not a ZIP archive that can be read: ${why.replace(/\.$/, '')}. Make it again, with zip, numpy.savez or Python's zipfile.`,
        ),
    );
  }
}

/** Says that a name is in UTF-8, else it is in code page 437 (APPNOTE.TXT, 4.4.4 and appendix D). */
const IN_UTF8 = 1 << 11;

/**
 * macOS, and zip where no locale is set, write UTF-8 and do not say so. Text of code page 437 beyond ASCII is hardly ever
 * UTF-8 by chance.
 */
function nameOf({ fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): string {
  const flags = isUtf8(fileNameRaw) ? generalPurposeBitFlag | IN_UTF8 : generalPurposeBitFlag;
  const name = getFileNameLowLevel(flags, fileNameRaw, extraFields, false);
  const problem = validateFileName(name);
  if (problem !== null) throw new Error(problem);
  return name;
}

export class Archive {
  /** In the order of the archive's directory. */
  readonly entries: readonly ArchiveEntry[];
  readonly #path: string;
  readonly #file: DiskFile;
  readonly #zip: ZipFile;
  readonly #limits: ReadLimits;
  #unpacked = 0;

  constructor(
    path: string,
    file: DiskFile,
    zip: ZipFile,
    entries: readonly ArchiveEntry[],
    limits: ReadLimits,
  ) {
    this.#path = path;
    this.#file = file;
    this.#zip = zip;
    this.entries = entries;
    this.#limits = limits;
  }

  /** The content of a small entry. @throws {DatasetRefusedError} */
  async read(entry: ArchiveEntry): Promise<Buffer> {
    if (entry.bytes > MOST_AT_ONCE || entry.packedBytes > MOST_AT_ONCE) {
      throw refusedEntry(
        entry,
        `It has ${Math.max(entry.bytes, entry.packedBytes)} bytes; at most ${MOST_AT_ONCE} are taken.`,
      );
    }
    const start = await this.#start(entry);
    const packed = Buffer.allocUnsafe(entry.packedBytes);
    if (!this.#file.readInto(packed, start)) throw damaged(entry, 'the archive ends within it');
    const content = entry.method === STORED ? packed : inflated(packed, entry);
    if (content.length !== entry.bytes)
      throw damaged(entry, `${content.length} of ${entry.bytes} bytes are there`);
    if (crc32(content) !== entry.crc32) throw damaged(entry, 'its checksum (CRC-32) is wrong');
    return content;
  }

  /** The content of an entry, a chunk at a time. Checked when the last is taken. @throws {DatasetRefusedError} */
  async *chunks(entry: ArchiveEntry): AsyncGenerator<Buffer> {
    const start = await this.#start(entry);
    let [bytes, crc] = [0, 0];
    try {
      for await (const chunk of this.#stream(entry, start)) {
        bytes += chunk.length;
        if (bytes > entry.bytes)
          throw damaged(entry, `it has more than the ${entry.bytes} bytes of the directory`);
        crc = crc32(chunk, crc);
        yield chunk;
      }
    } catch (error) {
      throw refusalOf(error, (why) => damaged(entry, why));
    }
    if (bytes !== entry.bytes) throw damaged(entry, `${bytes} of ${entry.bytes} bytes are there`);
    if (crc !== entry.crc32) throw damaged(entry, 'its checksum (CRC-32) is wrong');
  }

  /** Counts what was unpacked from within an entry. @throws {DatasetRefusedError} */
  count(entry: ArchiveEntry, bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > this.#limits.unpackedBytes) {
      throw refusedEntry(
        entry,
        `With it, the archive has more than ${this.#limits.unpackedBytes} bytes unpacked, which is the most that is taken. Upload less.`,
      );
    }
  }

  #stream(entry: ArchiveEntry, start: number): AsyncIterable<Buffer> {
    if (entry.packedBytes === 0) return none();
    const file = createReadStream(this.#path, {
      start,
      end: start + entry.packedBytes - 1,
      highWaterMark: CHUNK_BYTES,
    });
    if (entry.method === STORED) return file;
    // Errors of both reach whoever takes the chunks.
    return pipeline(file, createInflateRaw({ chunkSize: CHUNK_BYTES }), () => {});
  }

  /** Where its data start in the file. */
  async #start(entry: ArchiveEntry): Promise<number> {
    if (entry.encrypted) {
      throw refusedEntry(entry, 'It is encrypted. Make the archive without a password.');
    }
    if (entry.method !== STORED && entry.method !== DEFLATED) {
      const method = METHODS[entry.method] ?? `the method ${entry.method}`;
      throw refusedEntry(
        entry,
        `It is compressed with ${method}. Make the archive with Deflate, the usual method.`,
      );
    }
    this.count(entry, entry.bytes);
    try {
      const header = await this.#zip.readLocalFileHeaderPromise(forYauzl(entry), { minimal: true });
      return header.fileDataStart;
    } catch (error) {
      throw refusalOf(error, (why) => damaged(entry, why));
    }
  }
}

function forYauzl(entry: ArchiveEntry): Entry {
  return Object.assign(new Entry(), {
    compressedSize: entry.packedBytes,
    relativeOffsetOfLocalHeader: entry.offset,
  });
}

async function* none(): AsyncGenerator<Buffer> {}

function inflated(packed: Buffer, entry: ArchiveEntry): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.bytes) });
  } catch (error) {
    throw refusalOf(error, (why) => damaged(entry, why));
  }
}

const refusedEntry = (entry: ArchiveEntry, problem: string): DatasetRefusedError =>
  new DatasetRefusedError('A file in the archive cannot be used.', [{ file: cut(entry.name), problem }]);

const damaged = (entry: ArchiveEntry, why: string): DatasetRefusedError =>
  refusedEntry(entry, `It is damaged: ${why}. Make or send the archive again.`);

/** An error of a library as a refusal; those of the disk stay what they are. */
function refusalOf(error: unknown, refusal: (why: string) => DatasetRefusedError): unknown {
  if (error instanceof DatasetRefusedError || (error as NodeJS.ErrnoException).syscall !== undefined)
    return error;
  return refusal(cut((error as Error).message, 200));
}

/** What yauzl reads by: it asks for the directory in pieces of 46 bytes. */
class YauzlReader extends RandomAccessReader {
  readonly #file: DiskFile;

  constructor(file: DiskFile) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    const done = this.#file.readInto(buffer.subarray(offset, offset + length), position);
    callback(done ? null : new Error('it ends too early'));
  }
}
