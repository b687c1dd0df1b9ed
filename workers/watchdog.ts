import { workerData } from 'node:worker_threads';
import { z } from 'zod';

/**
 * A thread of the trainer that ends the whole process when its worker is gone. A thread, because a training step
 * may keep the event loop from hearing anything; polling, because nothing is told to an orphan.
 */
const POLL_MS = 250;

const { parentPid } = z.strictObject({ parentPid: z.int() }).parse(workerData);

setInterval(() => {
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
