import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/dataset/prepared.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

/**
 * A disk that is full is hard to come by in a test, so the file system's answer is forged: of all calls that
 * lead to a prepared file, the one named here fails with ENOSPC.
 */
const forged = vi.hoisted(() => ({ failing: '', calls: [] as string[] }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  const diskFull = (call: string) => {
    forged.calls.push(call);
    if (call !== forged.failing) return;
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: 'ENOSPC' });
  };
  return {
    ...original,
    mkdir: async (...args: Parameters<typeof original.mkdir>) => {
      diskFull('mkdir');
      return original.mkdir(...args);
    },
    rename: async (...args: Parameters<typeof original.rename>) => {
      diskFull('rename');
      return original.rename(...args);
    },
    open: async (...args: Parameters<typeof original.open>) => {
      const isWrite = args[1] === 'wx';
      if (isWrite) diskFull('open');
      const handle = await original.open(...args);
      const writeFile = handle.writeFile.bind(handle);
      const sync = handle.sync.bind(handle);
      return Object.assign(handle, {
        writeFile: async (data: Uint8Array) => {
          // As a full disk does it: the first part fits.
          if (forged.failing === 'write') await writeFile(data.subarray(0, 1_000));
          diskFull('write');
          return writeFile(data);
        },
        sync: async () => {
          diskFull(isWrite ? 'fsync' : 'fsync folder');
          return sync();
        },
      });
    },
  };
});

beforeEach(() => {
  forged.failing = '';
  forged.calls.length = 0;
});

describe('a prepared file', () => {
  it('is on the disk before it has its name, and its name before anybody is told', async () => {
    await openDataset('mnist_sample', await makeTemporaryFolder());
    const writes = ['write', 'write', 'write', 'write'];
    expect(forged.calls).toEqual(['mkdir', 'open', ...writes, 'fsync', 'rename', 'fsync folder']);
  });
});

describe('a full disk', () => {
  it.each(['mkdir', 'open', 'write', 'fsync', 'rename'])(
    'at %s is named, and leaves nothing',
    async (call) => {
      const dataDir = await makeTemporaryFolder();
      forged.failing = call;
      await expect(openDataset('mnist_sample', dataDir)).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining(join(dataDir, 'datasets')),
      });
      const left = call === 'mkdir' ? await readdir(dataDir) : await readdir(join(dataDir, 'datasets'));
      expect(left).toEqual([]);

      forged.failing = '';
      expect((await openDataset('mnist_sample', dataDir)).train.rows).toBe(6_000);
    },
  );
});
