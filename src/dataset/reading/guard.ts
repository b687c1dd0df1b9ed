import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

/**
 * A thread of the process that reads an upload. It ends the whole process when its API is gone or too much memory is
 * used, however long a file blocks the main thread.
 */
const POLL_MS = 50;

/** Only main.ts sets it, so it needs no schema. */
const { parentPid, mostBytes, pipe } = workerData as { parentPid: number; mostBytes: number; pipe: number };

setInterval(() => {
  const isAlone = process.ppid !== parentPid;
  const isLarge = process.memoryUsage.rss() > mostBytes;
  if (!isAlone && !isLarge) return;
  if (isLarge) {
    try {
      writeSync(pipe, 'memory');
    } catch {
      // The API is gone.
    }
  }
  process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
