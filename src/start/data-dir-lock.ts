import { randomBytes, randomInt } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../process/start-error.ts';

/**
 * Allows one `npm start` per DATA_DIR. It uses a unix socket rather than a pid file, because the kernel closes a socket
 * when its process dies, however it dies, and a pid may be reused by another process.
 *
 * Every start listens on a socket with a unique name and then checks whether another start's socket answers. Names are
 * never reused, so a socket that refuses connections can be removed; with a single well-known name, that could remove
 * one that was bound a moment ago. Simultaneous starts may all see each other: each withdraws and tries again after a
 * random pause under a new name. A start that sees the same name twice gives up, since only a holder keeps its name.
 * So they never all give up: the last one gives up only if another start still tries, or holds the lock.
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
  // It gets its final name only once it answers: between bind and listen it would look dead.
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

/** Names of other locks that answer; removes those that do not. */
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

/** Whether a process listens here. The kernel accepts the connection, so a busy or stopped process counts too. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Any other error (say, a full backlog) counts as held: starting twice is worse than not starting.
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
