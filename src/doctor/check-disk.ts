import { access, constants } from 'node:fs/promises';
import { diskRoom } from '../store/disk-room.ts';
import { type Finding, ok, wrong } from './finding.ts';

/** Below this, the largest model and its checkpoints may not fit. */
const LEAST_FREE_BYTES = 1e9;

/** DATA_DIR as this user sees it. Nothing is written: workers try that every minute and report it. */
export async function checkDisk(dataDir: string): Promise<Finding[]> {
  try {
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [
      code === 'ENOENT'
        ? wrong(
            `DATA_DIR=${dataDir} does not exist here. Run the doctor where the worker runs, or fix DATA_DIR.`,
          )
        : wrong(
            `DATA_DIR=${dataDir} is not open to this user (${code}). Make user ${process.geteuid?.()} its owner, or run the doctor as the user of Descent.`,
          ),
    ];
  }
  const room = await diskRoom(dataDir);
  if (room === undefined) return [wrong(`The disk of DATA_DIR=${dataDir} does not answer.`)];
  const text = `${(room.free / 1e9).toFixed(1)} GB of ${(room.total / 1e9).toFixed(1)} GB are free on the disk of DATA_DIR`;
  return [
    room.free < LEAST_FREE_BYTES ? wrong(`Only ${text}. Make room, or lower RETENTION_GB.`) : ok(`${text}.`),
  ];
}
