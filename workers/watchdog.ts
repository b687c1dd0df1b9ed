import { workerData } from 'node:worker_threads';

/**
 * A thread of the trainer that ends the whole process when its worker is gone. A thread, because a training step
 * may block the event loop; it polls, because an orphan gets no message.
 */
const POLL_MS = 250;

/** From trainer.ts alone, so no schema: loading zod once more would take 50 ms of a core and 10 MB. */
const { parentPid } = workerData as { parentPid: number };

setInterval(() => {
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
