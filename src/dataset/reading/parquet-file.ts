import { type FileHandle, open } from 'node:fs/promises';
import { parquetMetadata } from 'hyparquet';
import { z } from 'zod';
import { CODECS } from './parquet-codecs.ts';
import { thriftEnd } from './parquet-guards.ts';
import { cut } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';

/** Opens a Parquet file: what its footer says, checked. */

/** The length of the metadata and "PAR1". */
const TAIL_BYTES = 8;
/** 20,000 columns in four row groups have about this. As objects they take twenty times as much. */
const MOST_FOOTER_BYTES = 2 ** 24;
const DEEPEST_SCHEMA = 32;

const count = z
  .bigint()
  .gte(0n)
  .lt(2n ** 53n)
  .transform(Number);

const ElementSchema = z.object({
  name: z.string(),
  type: z
    .enum(['BOOLEAN', 'INT32', 'INT64', 'INT96', 'FLOAT', 'DOUBLE', 'BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'])
    .optional(),
  type_length: z
    .int()
    .gte(1)
    .lte(2 ** 20)
    .optional()
    .catch(undefined),
  repetition_type: z.enum(['REQUIRED', 'OPTIONAL', 'REPEATED']).optional(),
  num_children: z.int().gte(0).optional(),
  converted_type: z.string().optional(),
  scale: z.int().gte(0).lte(1000).optional(),
  logical_type: z
    .looseObject({ type: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

const ChunkSchema = z.object({
  file_path: z.undefined({ error: 'columns in other files' }),
  meta_data: z.object({
    path_in_schema: z.array(z.string()),
    codec: z.string(),
    num_values: count,
    total_compressed_size: count,
    data_page_offset: count,
    dictionary_page_offset: count.optional(),
  }),
});

const MetadataSchema = z.object({
  num_rows: count,
  schema: z.array(ElementSchema).min(1),
  row_groups: z.array(z.object({ num_rows: count, columns: z.array(ChunkSchema) })),
  key_value_metadata: z.array(z.object({ key: z.string(), value: z.string().optional() })).optional(),
});

export type SchemaElement = z.output<typeof ElementSchema>;

/** A column that has values. */
export interface ParquetLeaf {
  /** The names from the top: several for columns within others. */
  readonly path: readonly string[];
  readonly element: SchemaElement;
  /** In the row groups. */
  readonly index: number;
  /** The definition level of a value that is there. */
  readonly definitions: number;
  /** Several values in a row: a list or map. */
  readonly repeated: boolean;
}

export interface ParquetChunk {
  /** Bytes of the file. */
  readonly start: number;
  readonly end: number;
  readonly codec: string;
}

export interface ParquetFile {
  readonly handle: FileHandle;
  readonly rows: number;
  readonly leaves: readonly ParquetLeaf[];
  /** In the order of the rows; a chunk for each leaf. */
  readonly groups: readonly { readonly rows: number; readonly chunks: readonly ParquetChunk[] }[];
  /** What programs wrote of themselves, such as `huggingface`. */
  readonly notes: ReadonlyMap<string, string>;
}

/**
 * The caller closes the handle.
 * @throws {DatasetRefusedError}
 */
export async function openParquet(path: string): Promise<ParquetFile> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    return fileOf(handle, size, await readFooter(handle, size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFooter(handle: FileHandle, size: number): Promise<Uint8Array> {
  const tail = await readBytes(handle, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
  const magic = tail.subarray(4).toString('latin1');
  if (magic === 'PARE')
    throw new DatasetRefusedError('The Parquet file is encrypted. Save it without encryption.');
  if (magic !== 'PAR1' || size < TAIL_BYTES + 4) {
    throw new DatasetRefusedError(
      'The file is not Parquet, or its end is missing: it does not end with PAR1. Save it again, or name its format with ?format=.',
    );
  }
  const length = tail.readUInt32LE(0);
  if (length > size - TAIL_BYTES - 4) throw damaged('its metadata are longer than the file');
  if (length > MOST_FOOTER_BYTES) {
    throw new DatasetRefusedError(
      `The Parquet file has ${length} bytes of metadata; at most ${MOST_FOOTER_BYTES} are taken. Save it with fewer columns or larger row groups.`,
    );
  }
  return await readBytes(handle, size - TAIL_BYTES - length, length + TAIL_BYTES);
}

function fileOf(handle: FileHandle, size: number, footer: Uint8Array): ParquetFile {
  if (thriftEnd(footer.subarray(0, -TAIL_BYTES), 0) === undefined)
    throw damaged('its metadata cannot be read');
  const metadata = parseMetadata(footer);
  const leaves = leavesOf(metadata.schema);
  const groups = metadata.row_groups.map(({ num_rows: rows, columns }) => {
    if (columns.length !== leaves.length) throw damaged('a row group has other columns than the file');
    return {
      rows,
      chunks: columns.map(({ meta_data: chunk }, index) => chunkOf(chunk, leaves[index]!, size)),
    };
  });
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== metadata.num_rows) throw damaged('its row groups have another number of rows than the file');
  return {
    handle,
    rows,
    leaves,
    groups,
    notes: new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value ?? ''])),
  };
}

function parseMetadata(footer: Uint8Array): z.output<typeof MetadataSchema> {
  let found: unknown;
  try {
    found = parquetMetadata(footer, { geoparquet: false });
  } catch {
    throw damaged('its metadata cannot be read');
  }
  const parsed = MetadataSchema.safeParse(found);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(`its metadata have ${cut(issue!.message)} at ${cut(issue!.path.join('.'))}`);
}

type ChunkMetadata = z.output<typeof ChunkSchema>['meta_data'];

function chunkOf(chunk: ChunkMetadata, { path }: ParquetLeaf, size: number): ParquetChunk {
  if (chunk.path_in_schema.join('\0') !== path.join('\0')) {
    throw damaged('a row group has its columns in another order than the file');
  }
  const { dictionary_page_offset: dictionary, data_page_offset: data, codec } = chunk;
  // Some writers say 0 where there is no dictionary.
  const start = dictionary ? Math.min(dictionary, data) : data;
  const end = start + chunk.total_compressed_size;
  if (end > size) throw damaged(`its column ${cut(path.join('.'))} is longer than the file`);
  return { start, end, codec };
}

/** @throws {DatasetRefusedError} */
function leavesOf(schema: readonly SchemaElement[]): ParquetLeaf[] {
  const leaves: ParquetLeaf[] = [];
  let next = 1;
  const read = (parents: readonly string[], level: number, inList: boolean): void => {
    const element = schema[next];
    if (element === undefined || parents.length > DEEPEST_SCHEMA) throw damaged('its schema cannot be read');
    next += 1;
    const path = [...parents, element.name];
    const definitions = level + (element.repetition_type === 'REQUIRED' ? 0 : 1);
    const repeated = inList || element.repetition_type === 'REPEATED';
    if (element.type === undefined) {
      for (let k = 0; k < (element.num_children ?? 0); k += 1) read(path, definitions, repeated);
    } else {
      leaves.push({ path, element, index: leaves.length, definitions, repeated });
    }
  };
  for (let k = 0; k < (schema[0]!.num_children ?? 0); k += 1) read([], 0, false);
  if (next !== schema.length) throw damaged('its schema cannot be read');
  return leaves;
}

/** @throws {DatasetRefusedError} if the file is shorter */
export async function readBytes(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw damaged('it ends too early');
    done += bytesRead;
  }
  return bytes;
}

/** why: what is wrong with the file. */
export function damaged(why: string): DatasetRefusedError {
  return new DatasetRefusedError(
    `The Parquet file is damaged, or of a kind that is not read: ${why}. Save it again, for instance with pandas' to_parquet. Compressions that are read: ${CODECS.join(', ')}.`,
  );
}
