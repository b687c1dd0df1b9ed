import { crc32 } from 'node:zlib';
import { parquetHeader } from 'hyparquet/src/column.js';
import { z } from 'zod';
import type { MemoryBudget } from './memory-budget.ts';
import { unpackPage } from './parquet-codecs.ts';
import { damaged, type ParquetChunk, type ParquetFile, type ParquetLeaf, readBytes } from './parquet-file.ts';
import { checkRuns, ParquetError, thriftEnd } from './parquet-guards.ts';
import { decodeValues, readLevels, type Values } from './parquet-values.ts';

/** The pages of a column, one at a time: no more than one is in memory. Dims: R = rows of a page. */
export interface LeafPage {
  readonly rows: number;
  /** (R): 1 where there is a value; null if every row has one. */
  readonly present: Uint8Array | null;
  /** Of the rows that have one, in their order; with a dictionary, indices into it. */
  readonly values: Values;
  readonly dictionary: Values | null;
}

const count = z.int().gte(0);
const HeaderSchema = z.object({
  type: z.string(),
  uncompressed_page_size: count,
  compressed_page_size: count,
  crc: z.int().optional(),
  dictionary_page_header: z.object({ num_values: count }).optional(),
  data_page_header: z
    .object({ num_values: count, encoding: z.string(), definition_level_encoding: z.string().optional() })
    .optional(),
  data_page_header_v2: z
    .object({
      num_values: count,
      encoding: z.string(),
      definition_levels_byte_length: count,
      repetition_levels_byte_length: count,
      is_compressed: z.boolean(),
    })
    .optional(),
});
type PageHeader = z.output<typeof HeaderSchema>;

/** Read at once, at least. */
const WINDOW_BYTES = 2 ** 20;
/** Headers may hold statistics of texts. */
const MOST_HEADER_BYTES = 2 ** 20;

/**
 * leaf: not repeated. budget: counts the bytes of all pages, unpacked.
 * @throws {DatasetRefusedError}
 */
export async function* leafPages(
  file: ParquetFile,
  leaf: ParquetLeaf,
  budget: MemoryBudget,
): AsyncGenerator<LeafPage> {
  for (const { rows, chunks } of file.groups) {
    const chunk = chunks[leaf.index]!;
    const window = new Window(file, chunk);
    let dictionary: Values | null = null;
    let done = 0;
    while (done < rows) {
      const { header, packed } = await nextPage(window);
      try {
        const page = decode(header, packed, { leaf, chunk, budget, dictionary, most: rows - done });
        if (page === null) continue;
        if ('rows' in page) {
          done += page.rows;
          yield page;
        } else dictionary = page.dictionary;
      } catch (error) {
        throw error instanceof ParquetError ? refusalOf(leaf, error.message) : error;
      }
    }
  }
}

const refusalOf = (leaf: ParquetLeaf, why: string) => damaged(`column ${leaf.path.join('.')} has ${why}`);

/** Reads a chunk from its start to its end. */
class Window {
  readonly #file: ParquetFile;
  readonly #chunk: ParquetChunk;
  #bytes: Buffer = Buffer.alloc(0);
  /** Of the file. */
  #at: number;

  constructor(file: ParquetFile, chunk: ParquetChunk) {
    this.#file = file;
    this.#chunk = chunk;
    this.#at = chunk.start;
  }

  /** The next bytes: as many as wanted, or all that are left of the chunk. */
  async peek(wanted: number): Promise<Buffer> {
    const left = this.#chunk.end - this.#at;
    if (this.#bytes.length < Math.min(wanted, left)) {
      const bytes = Math.min(left, Math.max(wanted, WINDOW_BYTES));
      this.#bytes = await readBytes(this.#file.handle, this.#at, bytes);
    }
    return this.#bytes;
  }

  /** @throws {DatasetRefusedError} if the chunk has fewer */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    if (bytes.length < length) throw damaged('a page is longer than its column');
    this.skip(length);
    return bytes.subarray(0, length);
  }

  skip(length: number): void {
    this.#bytes = this.#bytes.subarray(length);
    this.#at += length;
  }
}

async function nextPage(window: Window): Promise<{ header: PageHeader; packed: Buffer }> {
  let [wanted, bytes] = [2 ** 12, await window.peek(2 ** 12)];
  let end = thriftEnd(bytes, 0);
  while (end === undefined && wanted < MOST_HEADER_BYTES && bytes.length >= wanted) {
    wanted = Math.min(MOST_HEADER_BYTES, Math.max(wanted * 4, bytes.length + 1));
    bytes = await window.peek(wanted);
    end = thriftEnd(bytes, 0);
  }
  if (end === undefined) throw damaged('a page has no header, or a column ends too early');
  const header = headerIn(bytes.subarray(0, end));
  window.skip(end);
  const packed = await window.take(header.compressed_page_size);
  if (header.crc !== undefined && crc32(packed) !== header.crc >>> 0) {
    throw damaged('a page is not as it was written (CRC-32)');
  }
  return { header, packed };
}

function headerIn(bytes: Uint8Array): PageHeader {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return HeaderSchema.parse(parquetHeader({ view, offset: 0 }));
  } catch {
    throw damaged('the header of a page cannot be read');
  }
}

interface PageContext {
  readonly leaf: ParquetLeaf;
  readonly chunk: ParquetChunk;
  readonly budget: MemoryBudget;
  readonly dictionary: Values | null;
  /** Rows of the group that are still to come. */
  readonly most: number;
}

/** A page of rows, or a dictionary; null for an index. @throws {ParquetError} */
function decode(
  header: PageHeader,
  packed: Uint8Array,
  context: PageContext,
): LeafPage | { readonly dictionary: Values } | null {
  const { leaf, chunk, budget } = context;
  const bytes = header.uncompressed_page_size;
  budget.take(bytes);
  const { dictionary_page_header: words, data_page_header: v1, data_page_header_v2: v2 } = header;
  if (header.type === 'DICTIONARY_PAGE' && words) {
    const page = unpackPage(chunk.codec, packed, bytes);
    // Each has a byte at least.
    if (words.num_values > page.length) throw new ParquetError('too large a dictionary');
    return { dictionary: decodeValues('PLAIN', page, 0, words.num_values, leaf.element) };
  }
  if (header.type === 'DATA_PAGE' && v1) {
    const page = unpackPage(chunk.codec, packed, bytes);
    const rows = rowsOf(v1.num_values, context);
    const levels = levelBits(leaf);
    if (levels === 0) return pageOf(rows, null, page, 0, v1.encoding, context);
    if (v1.definition_level_encoding !== 'RLE')
      throw new ParquetError(`levels in ${v1.definition_level_encoding}`);
    if (page.length < 4) throw new ParquetError('a page without levels');
    const end = 4 + new DataView(page.buffer, page.byteOffset).getUint32(0, true);
    return pageOf(rows, presence(page, 4, end, rows, leaf), page, end, v1.encoding, context);
  }
  if (header.type === 'DATA_PAGE_V2' && v2) {
    const rows = rowsOf(v2.num_values, context);
    const end = v2.definition_levels_byte_length;
    if (v2.repetition_levels_byte_length !== 0 || end > Math.min(packed.length, bytes)) {
      throw new ParquetError('a page with levels that it cannot have');
    }
    const present = levelBits(leaf) === 0 ? null : presence(packed, 0, end, rows, leaf);
    const rest = packed.subarray(end);
    const page = v2.is_compressed === false ? rest : unpackPage(chunk.codec, rest, bytes - end);
    return pageOf(rows, present, page, 0, v2.encoding, context);
  }
  if (header.type === 'INDEX_PAGE') return null;
  throw new ParquetError('a page of no kind that is read');
}

function rowsOf(values: number, { most }: PageContext): number {
  if (values <= most) return values;
  throw new ParquetError('a page with more values than its row group has rows');
}

const levelBits = ({ definitions }: ParquetLeaf): number => 32 - Math.clz32(definitions);

/** (rows): 1 where there is a value, from the levels in bytes from `from` to `to`. */
function presence(
  bytes: Uint8Array,
  from: number,
  to: number,
  rows: number,
  leaf: ParquetLeaf,
): Uint8Array | null {
  if (to > bytes.length) throw new ParquetError('levels that are longer than their page');
  checkRuns(bytes, from, to, levelBits(leaf), rows);
  const levels = readLevels(bytes, from, to, levelBits(leaf), rows);
  let missing = 0;
  for (let row = 0; row < rows; row += 1) {
    const has = levels[row] === leaf.definitions ? 1 : 0;
    levels[row] = has;
    missing += 1 - has;
  }
  return missing === 0 ? null : levels;
}

function pageOf(
  rows: number,
  present: Uint8Array | null,
  bytes: Uint8Array,
  from: number,
  encoding: string,
  { leaf, dictionary }: PageContext,
): LeafPage {
  const count = present === null ? rows : present.reduce((sum, has) => sum + has, 0);
  const isIndex = encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY';
  if (isIndex && dictionary === null) throw new ParquetError('indices without a dictionary');
  const values = decodeValues(encoding, bytes, from, count, leaf.element);
  if (isIndex) {
    for (const index of values as Int32Array) {
      if (index < 0 || index >= dictionary!.length) throw new ParquetError('an index behind its dictionary');
    }
  }
  return { rows, present, values, dictionary: isIndex ? dictionary : null };
}
