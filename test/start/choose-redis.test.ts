import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { chooseRedis, installCommand } from '../../src/start/choose-redis.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** A folder of programs that print this for --version. */
async function makePrograms(versions: Record<string, string>): Promise<string> {
  const folder = await makeTemporaryFolder();
  for (const [name, version] of Object.entries(versions)) {
    await writeFile(join(folder, name), `#!/bin/sh\necho '${version}'\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

async function choose(searchPath: string, redisUrl?: string) {
  const dataDir = await makeTemporaryFolder();
  return chooseRedis({
    redisUrl: redisUrl === undefined ? undefined : parseRedisUrl(redisUrl),
    dataDir,
    socketFolder: join(dataDir, 'run'),
    searchPath,
  });
}

const VALKEY = 'Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64';
const REDIS = 'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64';

describe('chooseRedis', () => {
  it('prefers REDIS_URL to anything else, and never shows its password', async () => {
    const path = await makePrograms({ 'redis-server': REDIS });
    const choice = await choose(path, 'redis://me:secret@db:6379');
    expect(choice).toMatchObject({ url: undefined, child: undefined, warning: undefined });
    expect(choice.description).toBe('redis://db:6379, from REDIS_URL');
  });

  it('prefers Valkey, wherever on the PATH', async () => {
    const path = [
      await makePrograms({ 'redis-server': REDIS }),
      await makePrograms({ 'valkey-server': VALKEY }),
    ];
    const choice = await choose(path.join(':'));
    expect(choice.description).toContain('private Valkey server v=8.1.1');
    expect(choice.url).toMatch(/^unix:\/.*\/run\/redis\.sock$/);
    expect(choice.child?.entry).toBe('redis-wrapper.js');
    expect(choice.warning).toBeUndefined();
  });

  it('uses redis-server when there is no working Valkey', async () => {
    const path = await makePrograms({ 'redis-server': REDIS });
    await writeFile(join(path, 'valkey-server'), 'no program');
    await mkdir(join(path, 'folder', 'valkey-server'), { recursive: true });
    expect((await choose(`${join(path, 'folder')}:${path}`)).description).toContain(
      'private Redis server v=7.0.15',
    );
  });

  it.each([
    ['nothing is there', {}],
    ['what is there is too old', { 'redis-server': 'Redis server v=6.0.16 sha=0' }],
  ])('falls back to memory when %s, and says what that costs', async (_case, versions) => {
    const choice = await choose(await makePrograms(versions));
    expect(choice.child?.entry).toBe('redis-in-memory.js');
    expect(choice.warning).toContain('nothing survives a restart');
    expect(choice.warning).toContain(await installCommand());
  });
});
