import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StartError } from '../../src/process/start-error.ts';
import { lockDataDir } from '../../src/start/data-dir-lock.ts';
import { openSocketFolder } from '../../src/start/socket-folder.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

describe('lockDataDir', () => {
  it('is held by one at a time', async () => {
    const folder = await openSocketFolder(await makeTemporaryFolder());
    const first = await lockDataDir('./data', folder);
    await expect(lockDataDir('./data', folder)).rejects.toThrow(
      /already running in DATA_DIR=\.\/data\. Stop it/,
    );
    await first.release();
    const second = await lockDataDir('./data', folder);
    await second.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes to exactly one of several simultaneous callers', async () => {
    const folder = await openSocketFolder(await makeTemporaryFolder());
    for (let round = 0; round < 4; round++) {
      const asked = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataDir('.', folder)));
      const locks = asked.filter((result) => result.status === 'fulfilled');
      expect(locks).toHaveLength(1);
      await Promise.all(locks.map((lock) => lock.value.release()));
    }
  });

  it('is free again after its process was killed', async () => {
    const folder = await openSocketFolder(await makeTemporaryFolder());
    const socket = JSON.stringify(join(folder, 'lock-0123456789ab'));
    const script = `require('node:net').createServer().listen(${socket}, () => console.log('held'))`;
    const holder = spawn(process.execPath, ['-e', script]);
    await once(holder.stdout, 'data');
    await expect(lockDataDir('.', folder)).rejects.toThrow(StartError);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const lock = await lockDataDir('.', folder);
    await lock.release();
  });
});

describe('openSocketFolder', () => {
  it('creates it in DATA_DIR, closed to other users', async () => {
    const dataDir = join(await makeTemporaryFolder(), 'a', 'data');
    const folder = await openSocketFolder(dataDir);
    expect(folder).toBe(join(dataDir, 'run'));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await chmod(folder, 0o755);
    await openSocketFolder(dataDir);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('returns the same folder for a DATA_DIR reached through a link', async () => {
    const parent = await makeTemporaryFolder();
    await mkdir(join(parent, 'data'));
    await symlink(join(parent, 'data'), join(parent, 'link'));
    expect(await openSocketFolder(join(parent, 'link'))).toBe(await openSocketFolder(join(parent, 'data')));
  });

  it('uses /tmp when the path is too long for a unix socket', async () => {
    const dataDir = join(await makeTemporaryFolder(), 'long'.repeat(25));
    const folder = await openSocketFolder(dataDir);
    expect(folder).toMatch(/^\/tmp\/descent-[0-9a-f]{16}$/);
    expect(await openSocketFolder(dataDir)).toBe(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const lock = await lockDataDir(dataDir, folder);
    await lock.release();
    await rmdir(folder);
  });

  it('refuses a DATA_DIR that is a file', async () => {
    const file = join(await makeTemporaryFolder(), 'data');
    await writeFile(file, '');
    await expect(openSocketFolder(file)).rejects.toThrow(/^DATA_DIR=.*data cannot be used as a folder/);
  });
});
