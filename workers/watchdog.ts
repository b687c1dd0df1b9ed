import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

/**
 * A thread of the trainer that ends the whole process when its worker is gone, and tells the worker that the process is
 * not stopped. It is a thread because a step, an evaluation or a write to a slow disk blocks the event loop of the main
 * one for as long as it takes; it polls because an orphan gets no message.
 */
const POLL_MS = 250;

/** Only trainer.ts sets it, so it needs no schema: loading zod again would take 50 ms of CPU and 10 MB. */
const { parentPid, beatMs, pipe } = workerData as { parentPid: number; beatMs: number; pipe: number };

setInterval(() => {
  if (process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);

const toWorker = new Socket({ fd: pipe, readable: false, writable: true });
toWorker.on('error', () => {}); // The worker is gone: the poll handles that.
setInterval(() => {
  // A worker that is stopped reads nothing; its beats must not pile up.
  if (toWorker.writableLength === 0) toWorker.write('.');
}, beatMs);
