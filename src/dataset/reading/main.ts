import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { StorageUnavailableError } from '../../contract/storage-error.ts';
import { type ReadAnswer, type ReadTask, ReadTaskSchema } from '../reading-message.ts';
import { UPLOADED_FILES } from '../uploads.ts';
import { makeFiles } from './make-files.ts';
import { readDataset } from './read.ts';
import { DatasetRefusedError } from './refusal.ts';

/**
 * Entry of the process that reads one upload, so that no file can block or exhaust an API.
 * argv: the API's pid, and the bytes of memory that this process may use.
 */

/** As a trainer: lower than processes that must respond at once. */
const NICENESS = 10;

/** The descriptor of the pipe on which the guard says why it ends this process. */
const GUARD_PIPE = 4;

const [parentPid, mostBytes] = process.argv.slice(2).map(Number);

function main(): void {
  new Worker(new URL('./guard.js', import.meta.url), {
    workerData: { parentPid, mostBytes, pipe: GUARD_PIPE },
  });
  setPriority(NICENESS);
  offerToKernel();
  // Ctrl-C in a terminal reaches the whole group, but the API decides.
  process.on('SIGINT', () => {});
  process.once('message', (message) => void answer(ReadTaskSchema.parse(message)));
}

/** When memory runs out, the kernel should end this process before any other of ours. */
function offerToKernel(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '700');
  } catch {
    // Not Linux, or not allowed.
  }
}

async function answer(task: ReadTask): Promise<void> {
  const told = await read(task);
  process.send?.(told, () => process.exit(0));
}

async function read(task: ReadTask): Promise<ReadAnswer> {
  try {
    const path = join(task.folder, UPLOADED_FILES.body);
    const made = await readDataset(task.format, path, task.options, task.limits);
    return { type: 'made', ...(await makeFiles(made, task)) };
  } catch (error) {
    if (error instanceof DatasetRefusedError) {
      return { type: 'refused', message: error.message, places: [...error.places] };
    }
    if (isFull(error)) return { type: 'no_room' };
    // V8 throws this when it cannot allocate a buffer.
    if (error instanceof RangeError && /allocat|memory|array length/i.test(error.message))
      return { type: 'no_memory' };
    throw error;
  }
}

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

function isFull(error: unknown): boolean {
  const cause = error instanceof StorageUnavailableError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && FULL.includes(String(cause.code));
}

main();
