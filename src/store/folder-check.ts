import { randomUUID } from 'node:crypto';
import { mkdir, open, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StorageUnavailableError } from '../contract/storage-error.ts';

/** Checks whether a folder is usable by using it: permission bits miss full disks and read-only mounts. */

/** Large enough not to fit on a full disk. */
const TEST_BYTES = 4096;

/**
 * Creates the folder if it is missing, then writes a small file into it, syncs it to the disk, and removes it.
 * @throws {StorageUnavailableError}
 */
export async function checkWritable(folder: string): Promise<void> {
  const path = join(folder, `.write-test-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(path, 'wx');
    try {
      await file.writeFile(Buffer.alloc(TEST_BYTES));
      await file.sync();
    } finally {
      await file.close();
      await rm(path, { force: true });
    }
  } catch (cause) {
    throw unusable(folder, 'written', cause);
  }
}

/**
 * Accepts a missing folder: the first write creates it.
 * @throws {StorageUnavailableError}
 */
export async function checkReadable(folder: string): Promise<void> {
  try {
    const opened = await opendir(folder);
    try {
      await opened.read();
    } finally {
      await opened.close();
    }
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw unusable(folder, 'read', cause);
  }
}

function unusable(folder: string, how: 'written' | 'read', cause: unknown): StorageUnavailableError {
  // Cut off the system call and its path, which differs each time.
  const reason = (cause instanceof Error ? cause.message : String(cause)).split(',', 1)[0];
  const uid = process.geteuid?.();
  const isForbidden = ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '') && uid !== undefined;
  const help = isForbidden ? ` Descent runs as user ${uid}: make that user its owner.` : '';
  return new StorageUnavailableError(`The folder ${folder} cannot be ${how}: ${reason}.${help}`, { cause });
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;
