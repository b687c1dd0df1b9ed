import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StorageUnavailableError } from './dataset-error.ts';

/** A temporary file this much older than a finished one was left behind by a process that was killed. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Writes a file, chunk after chunk, so that whoever looks sees all of it or none, even after a power cut: a
 * temporary file in the same folder, fsync, rename, fsync of the folder. Throws StorageUnavailableError, and leaves
 * nothing behind.
 */
export async function writeAtomically(file: string, chunks: readonly Uint8Array[]): Promise<void> {
  const folder = dirname(file);
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(folder, { recursive: true });
    try {
      await writeAndSync(temporary, chunks);
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(folder);
    await removeAbandoned(file);
  } catch (error) {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    throw new StorageUnavailableError(
      `cannot write ${bytes} bytes into ${folder}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function writeAndSync(file: string, chunks: readonly Uint8Array[]): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    for (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what processes that were killed while writing this file left behind. */
async function removeAbandoned(file: string): Promise<void> {
  const finished = await stat(file);
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(`${basename(file)}.`) || !name.endsWith('.tmp')) continue;
    const path = join(dirname(file), name);
    // Another process may remove or rename it between the two calls.
    const found = await stat(path).catch(() => undefined);
    if (found && finished.mtimeMs - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
  }
}
