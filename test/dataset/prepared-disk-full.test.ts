import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const SAMPLE = DATASETS.mnist_sample.shape;

/**
 * A full disk is hard to arrange in a test, so the file system's error is forged: of all calls that write a prepared
 * file, the one named here fails with ENOSPC.
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
    open: async (...args: Parameters<typeof original.open>) => {
      diskFull('open');
      const handle = await original.open(...args);
      const write = handle.write.bind(handle);
      const sync = handle.sync.bind(handle);
      return Object.assign(handle, {
        write: async (bytes: Uint8Array, offset: number, length: number, position: number) => {
          const call = bytes.length < 10_000 ? 'write of the head' : 'write';
          // Like a full disk, write the part that fits.
          if (forged.failing === call) await write(bytes, offset, 1_000, position);
          diskFull(call);
          // Write only half, as any system may do.
          return write(bytes, offset, Math.ceil(length / 2), position);
        },
        sync: async () => {
          diskFull('fsync');
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
  it('gets its head only after the rest is on disk', async () => {
    await openDataset(SAMPLE, await makeTemporaryFolder());
    const calls = forged.calls.filter((call, i, all) => call !== all[i - 1]);
    expect(calls).toEqual(['mkdir', 'open', 'write', 'fsync', 'write of the head']);
  });
});

describe('a full disk', () => {
  it.each(['mkdir', 'open', 'write', 'fsync', 'write of the head'])(
    'at %s is reported, and leaves no file',
    async (call) => {
      const dataDir = await makeTemporaryFolder();
      forged.failing = call;
      await expect(openDataset(SAMPLE, dataDir)).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining(join(dataDir, 'datasets')),
      });
      const left = call === 'mkdir' ? await readdir(dataDir) : await readdir(join(dataDir, 'datasets'));
      expect(left).toEqual([]);

      forged.failing = '';
      expect((await openDataset(SAMPLE, dataDir)).train.rows).toBe(6_000);
    },
  );
});
