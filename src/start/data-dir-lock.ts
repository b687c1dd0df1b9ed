import { randomBytes, randomInt } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../process/start-error.ts';

/**
 * One `npm start` for a DATA_DIR. A unix socket rather than a pid file, because the kernel closes it with its
 * process, however that dies, and a pid may have been given to another process.
 *
 * Every start listens on a socket of its own name and then looks whether another one answers. Names are never used
 * twice, so a socket that refuses can be removed without the risk of removing one that was bound a moment ago, which
 * a single well-known name would have. Starts in the same instant may all see each other: each steps back, and tries again after
 * a random pause under a new name. A start that finds the same name twice gives up, since only a holder keeps
 * its name. So they never all give up: the last one would need another that still looks, or holds.
 */

const LONGEST_PAUSE_MS = 200;

export interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of the DATA_DIR that this socket folder belongs to.
 * @throws {StartError} when another process holds it.
 */
export async function lockDataDir(dataDir: string, socketFolder: string): Promise<DataDirLock> {
  let before: string[] = [];
  for (;;) {
    const lock = await publishLock(socketFolder);
    const others = await otherLocks(socketFolder, lock.name);
    if (others.length === 0) return lock;
    await lock.release();
    if (others.some((name) => before.includes(name))) break;
    before = others;
    await sleep(randomInt(LONGEST_PAUSE_MS));
  }
  throw new StartError(
    `Descent is already running in DATA_DIR=${dataDir}. Stop it first, or start this one with another DATA_DIR and PORT.`,
  );
}

async function publishLock(socketFolder: string): Promise<DataDirLock & { name: string }> {
  const id = randomBytes(6).toString('hex');
  const unpublished = join(socketFolder, `new-${id}`);
  const name = `lock-${id}`;
  const server = createServer((socket) => socket.destroy());
  await listen(server, unpublished);
  // Under its final name only once it answers: between bind and listen it would look like a dead one.
  await rename(unpublished, join(socketFolder, name));
  server.unref();
  return {
    name,
    release: async () => {
      await rm(join(socketFolder, name), { force: true });
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}

/** The names under which others answer; the others are removed. */
async function otherLocks(socketFolder: string, ownName: string): Promise<string[]> {
  const others = (await readdir(socketFolder)).filter((name) => name.startsWith('lock-') && name !== ownName);
  const held = await Promise.all(
    others.map(async (name) => {
      const path = join(socketFolder, name);
      if (await isAnswered(path)) return [name];
      await rm(path, { force: true });
      return [];
    }),
  );
  return held.flat();
}

/** Whether a process listens here. The kernel answers for it, so a busy or stopped process counts as well. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but a clear no (say, a full backlog) counts as held: to start twice is worse than not to start.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StartError(`Cannot make a socket in ${path}: ${error.message}`, { cause: error })),
    );
    server.listen(path, resolve);
  });
}
