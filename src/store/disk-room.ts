import { statfs } from 'node:fs/promises';
import type { DiskRoom } from './artifacts.ts';

/** A network disk that hangs must not hold up a scrape. */
const TIMEOUT_MS = 1_000;

/** Room on the disk of a folder that this user may fill; undefined when the folder is missing or does not answer. */
export async function diskRoom(folder: string): Promise<DiskRoom | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), TIMEOUT_MS);
  });
  const found = statfs(folder).then(
    ({ bavail, blocks, bsize }) => ({ free: bavail * bsize, total: blocks * bsize }),
    () => undefined,
  );
  return await Promise.race([found, late]).finally(() => clearTimeout(timer));
}
