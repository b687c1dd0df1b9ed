import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../process/start-error.ts';

/** The path of a unix socket may have up to 103 bytes on macOS and 107 on Linux. */
const LONGEST_PATH_BYTES = 100;
const LONGEST_NAME_BYTES = 30;

/**
 * Creates DATA_DIR and a folder for its sockets that no other user can enter; returns that folder. One DATA_DIR always
 * has the same folder, however its path is written.
 */
export async function openSocketFolder(dataDir: string): Promise<string> {
  let realDir: string;
  try {
    await mkdir(dataDir, { recursive: true });
    realDir = await realpath(dataDir);
  } catch (error) {
    throw new StartError(`DATA_DIR=${dataDir} cannot be used as a folder: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const inside = join(realDir, 'run');
  const fits = Buffer.byteLength(inside) + 1 + LONGEST_NAME_BYTES <= LONGEST_PATH_BYTES;
  const folder = fits ? inside : shortFolder(realDir);
  await mkdir(folder, { mode: 0o700, recursive: true });
  await assertPrivate(folder);
  return folder;
}

/** Not in os.tmpdir(): TMPDIR may itself be long, and may differ between two starts that must find each other here. */
function shortFolder(realDir: string): string {
  return join('/tmp', `descent-${createHash('sha256').update(realDir).digest('hex').slice(0, 16)}`);
}

/** In /tmp, another user could have created the folder before us. */
async function assertPrivate(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new StartError(
      `${folder} belongs to another user or is not a folder; remove it or choose another DATA_DIR.`,
    );
  }
  if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
}
