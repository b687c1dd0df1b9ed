import { workerData } from 'node:worker_threads';

/**
 * A thread of the trainer that ends the whole process when its worker is gone. It is a thread because training blocks
 * the event loop, and it polls because an orphan gets no message.
 */
const POLL_MS = 250;

/** Only trainer.ts sets it, so it needs no schema: loading zod again would take 50 ms of CPU and 10 MB. */
const { parentPid } = workerData as { parentPid: number };

setInterval(() => {
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);
