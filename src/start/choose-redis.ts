import { execFile } from 'node:child_process';
import { access, constants, readFile, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type RedisAddress, socketUrl } from '../process/redis-address.ts';
import { StartError } from '../process/start-error.ts';
import { IN_MEMORY_SOCKET, REDIS_SOCKET } from './private-redis.ts';
import type { RedisWrapperArguments } from './redis-wrapper.ts';

/**
 * Chooses the Redis for `npm start`. The first of these that exists: REDIS_URL; valkey-server or redis-server on the
 * PATH, started privately; an in-memory Redis in JavaScript. Otherwise the error names the command that installs one.
 */

export interface RedisChoice {
  /** REDIS_URL for the API and the worker, if Descent brings its own Redis; otherwise they have it already. */
  url: string | undefined;
  /** For people: which Redis, and where its data is. */
  description: string;
  /** Which data may be lost with it. */
  warning: string | undefined;
  /** The child process that provides it: a file in this folder, and its arguments. None for REDIS_URL. */
  child: { entry: string; args: string[] } | undefined;
}

export interface RedisChoiceInput {
  redisUrl: RedisAddress | undefined;
  dataDir: string;
  /** From openSocketFolder. */
  socketFolder: string;
  /** The PATH variable, to search for binaries. */
  searchPath: string;
}

/** @throws {StartError} with the command that installs Redis, when none was found. */
export async function chooseRedis(input: RedisChoiceInput): Promise<RedisChoice> {
  if (input.redisUrl !== undefined) {
    const description = `${input.redisUrl}, from REDIS_URL`;
    return { url: undefined, description, warning: undefined, child: undefined };
  }
  const binary = await findRedisBinary(input.searchPath);
  if (binary !== undefined) return privateRedis(binary, input);
  if (isInstalled('js-redis-server/core')) return inMemoryRedis(input);
  throw new StartError(
    `Descent needs Redis, and none was found. Install it with:\n  ${await installCommand()}`,
  );
}

interface RedisBinary {
  path: string;
  /** As --version prints it: `Redis server v=7.0.15`. */
  version: string;
}

async function privateRedis(binary: RedisBinary, input: RedisChoiceInput): Promise<RedisChoice> {
  const socketPath = join(input.socketFolder, REDIS_SOCKET);
  const dir = join(await realpath(input.dataDir), 'redis');
  const wrapper: RedisWrapperArguments = { binary: binary.path, socketPath, dir };
  return {
    url: socketUrl(socketPath),
    description: `private ${binary.version} (${binary.path}), data in ${dir}`,
    warning: undefined,
    child: { entry: 'redis-wrapper.js', args: [JSON.stringify(wrapper)] },
  };
}

async function inMemoryRedis(input: RedisChoiceInput): Promise<RedisChoice> {
  const socketPath = join(input.socketFolder, IN_MEMORY_SOCKET);
  return {
    url: socketUrl(socketPath),
    description: 'js-redis-server, in memory only',
    warning:
      'Neither valkey-server nor redis-server (6.2 or newer) is on the PATH. Using a small in-memory stand-in: ' +
      'nothing survives a restart, and long queues are slow. To keep your jobs, install Redis with:\n  ' +
      (await installCommand()),
    child: { entry: 'redis-in-memory.js', args: [socketPath] },
  };
}

/** The first usable server on the PATH, 6.2 or newer. */
async function findRedisBinary(searchPath: string): Promise<RedisBinary | undefined> {
  for (const name of ['valkey-server', 'redis-server']) {
    for (const folder of searchPath.split(delimiter).filter((folder) => folder !== '')) {
      const path = join(folder, name);
      const version = await readVersion(path);
      if (version !== undefined) return { path, version };
    }
  }
  return undefined;
}

async function readVersion(binary: string): Promise<string | undefined> {
  try {
    await access(binary, constants.X_OK);
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 5_000 });
    const [version, major, minor] = /^.*v=(\d+)\.(\d+)\S*/.exec(stdout) ?? [];
    const isNewEnough = Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2);
    return isNewEnough ? version : undefined;
  } catch {
    return undefined; // Missing, or it does not run here: try the next one.
  }
}

function isInstalled(module: string): boolean {
  try {
    import.meta.resolve(module);
    return true;
  } catch {
    return false;
  }
}

const INSTALL_COMMANDS: readonly (readonly [family: RegExp, command: string])[] = [
  [/debian|ubuntu/, 'sudo apt-get install redis-server'],
  [/fedora|rhel|centos/, 'sudo dnf install valkey'],
  [/alpine/, 'sudo apk add valkey'],
  [/arch/, 'sudo pacman -S valkey'],
  [/suse/, 'sudo zypper install valkey'],
];

/** The one command that installs Redis or Valkey on this machine. */
export async function installCommand(): Promise<string> {
  if (process.platform === 'darwin') return 'brew install valkey';
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const family = /^ID(_LIKE)?=.*$/gm;
  const names = (release.match(family) ?? []).join(' ');
  const known = INSTALL_COMMANDS.find(([pattern]) => pattern.test(names));
  return (
    known?.[1] ??
    'docker run -d -p 127.0.0.1:6379:6379 valkey/valkey:8   (and set REDIS_URL=redis://127.0.0.1:6379)'
  );
}
