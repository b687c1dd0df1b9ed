import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Artifacts } from '../../src/store/artifacts.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { newJobId } from './open-store.ts';

async function open() {
  const dataDir = await makeTemporaryFolder();
  const id = newJobId();
  return { artifacts: new Artifacts(dataDir), id, folder: join(dataDir, 'jobs', id) };
}

const bytes = new Uint8Array([1, 2, 3, 4]);

describe('artifacts', () => {
  it('gives back what was written, and leaves no temporary file', async () => {
    const { artifacts, id, folder } = await open();
    const file = await artifacts.write(id, '1-2.ckpt', bytes);
    expect(file.sha256).toBe('9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a');
    expect(new Uint8Array((await artifacts.read(id, file))!)).toEqual(bytes);
    expect(await readdir(folder)).toEqual(['1-2.ckpt']);
    expect(await artifacts.size(id)).toBe(4);
  });

  it('does not believe a file that was changed, cut or lost', async () => {
    const { artifacts, id, folder } = await open();
    const file = await artifacts.write(id, 'a.bin', bytes);
    await writeFile(join(folder, 'a.bin'), new Uint8Array([1, 2, 3, 5]));
    expect(await artifacts.read(id, file)).toBeUndefined();
    await truncate(join(folder, 'a.bin'), 2);
    expect(await artifacts.read(id, file)).toBeUndefined();
    await artifacts.removeFile(id, 'a.bin');
    expect(await artifacts.read(id, file)).toBeUndefined();
  });

  it('takes a file that cannot be read for one that is not there', async () => {
    const { artifacts, id, folder } = await open();
    const file = await artifacts.write(id, 'a.bin', bytes);
    await artifacts.removeFile(id, 'a.bin');
    await mkdir(join(folder, 'a.bin'));
    expect(await artifacts.read(id, file)).toBeUndefined();
  });

  it('leaves nothing behind when a write fails', async () => {
    const { artifacts, id, folder } = await open();
    // A folder where the file should be makes the rename fail, for root too.
    await mkdir(join(folder, 'a.bin', 'in-the-way'), { recursive: true });
    await expect(artifacts.write(id, 'a.bin', bytes)).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect(await readdir(folder)).toEqual(['a.bin']);
  });

  it('keeps only what it is told, and removes whole jobs', async () => {
    const { artifacts, id, folder } = await open();
    for (const name of ['1-1.ckpt', '1-2.ckpt', '2-3.ckpt']) await artifacts.write(id, name, bytes);
    await mkdir(join(folder, '0-folder', 'of-somebody'), { recursive: true });
    await artifacts.keepOnly(id, ['1-2.ckpt']);
    expect(await readdir(folder)).toEqual(['1-2.ckpt']);
    await artifacts.remove(id);
    await artifacts.remove(id);
    expect(await artifacts.size(id)).toBe(0);
  });

  it('of earlier attempts go, and never those of a later one', async () => {
    const { artifacts, id, folder } = await open();
    for (const name of ['1-1.ckpt', '1-2.ckpt', '2-3.ckpt', '3-model.bin', '10-4.ckpt'])
      await artifacts.write(id, name, bytes);
    for (const name of ['.1-3.ckpt.x.tmp', '.3-4.ckpt.x.tmp', 'of-nobody'])
      await writeFile(join(folder, name), bytes);
    await artifacts.removeEarlier(id, 3, ['1-2.ckpt']);
    expect((await readdir(folder)).sort()).toEqual([
      '.3-4.ckpt.x.tmp',
      '1-2.ckpt',
      '10-4.ckpt',
      '3-model.bin',
    ]);
  });

  it.each(['../escape', '..', '', 'a/b', '.hidden', 'x'.repeat(200), 'nul\0'])(
    'refuses the name %j',
    async (name) => {
      const { artifacts, id } = await open();
      await expect(artifacts.write(id, name, bytes)).rejects.toThrow();
      await expect(artifacts.write(`../${id}`, 'a.bin', bytes)).rejects.toThrow('is not the id of a job');
    },
  );
});
