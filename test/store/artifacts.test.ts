import { spawnSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { conformsToArtifacts, keepsItsWordWhenBroken } from './artifacts-conformance.ts';
import { newJobId } from './open-store.ts';

function artifactsIn(dataDir: string) {
  const folder = (id: string) => join(dataDir, 'jobs', id);
  return {
    artifacts: FolderArtifacts.in(dataDir),
    again: () => new FolderArtifacts(FolderArtifacts.in(dataDir).location),
    damage: (id: string, name: string, bytes: Uint8Array) => writeFile(join(folder(id), name), bytes),
    leavePart: (id: string, attempt: number) =>
      writeFile(join(folder(id), `.${attempt}-3.ckpt.x.tmp`), bytes),
    names: async (id: string) => (await readdir(folder(id)).catch(() => [])).sort(),
  };
}

const bytes = new Uint8Array([1, 2, 3, 4]);

describe('artifacts in a folder', () => {
  conformsToArtifacts(async () => artifactsIn(await makeTemporaryFolder()));

  it('treat an unreadable file as missing', async () => {
    const dataDir = await makeTemporaryFolder();
    const { artifacts } = artifactsIn(dataDir);
    const id = newJobId();
    const file = await artifacts.write(id, 'a.bin', bytes);
    await artifacts.removeFile(id, 'a.bin');
    await mkdir(join(dataDir, 'jobs', id, 'a.bin'));
    expect(await artifacts.read(id, file)).toBeUndefined();
  });

  it('leave nothing behind when a write fails at its last step', async () => {
    const dataDir = await makeTemporaryFolder();
    const { artifacts, names } = artifactsIn(dataDir);
    const id = newJobId();
    // A folder in place of the file makes the rename fail, even for root.
    await mkdir(join(dataDir, 'jobs', id, 'a.bin', 'in-the-way'), { recursive: true });
    await expect(artifacts.write(id, 'a.bin', bytes)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await names(id)).toEqual(['a.bin']);
  });

  it('list only the folders of jobs, and remove foreign folders within them', async () => {
    const dataDir = await makeTemporaryFolder();
    const { artifacts, names } = artifactsIn(dataDir);
    const id = newJobId();
    await artifacts.write(id, '1-2.ckpt', bytes);
    await mkdir(join(dataDir, 'jobs', 'of-somebody'));
    await mkdir(join(dataDir, 'jobs', id, '0-folder', 'of-somebody'), { recursive: true });
    expect((await artifacts.list()).map((job) => job.id)).toEqual([id]);
    await artifacts.keepOnly(id, ['1-2.ckpt']);
    expect(await names(id)).toEqual(['1-2.ckpt']);
  });
});

const unmountable = SmallDisk.missing();
if (unmountable !== undefined) console.warn(`skipped: full and read-only disks. ${unmountable}`);

describe('artifacts in a folder that cannot be written', () => {
  it('a file in the place of the folder', async () => {
    const dataDir = await makeTemporaryFolder();
    await writeFile(join(dataDir, 'jobs'), '');
    const mend = () => rm(join(dataDir, 'jobs'));
    await expect(FolderArtifacts.in(dataDir).checkReadable()).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    await keepsItsWordWhenBroken({ ...artifactsIn(dataDir), mend });
  });

  it.skipIf(unmountable !== undefined)('a full disk', async () => {
    const disk = new SmallDisk(2 ** 20);
    onTestFinished(() => disk.close());
    await mkdir(join(disk.folder, 'jobs'));
    disk.fill(0);
    await keepsItsWordWhenBroken({ ...artifactsIn(disk.folder), mend: () => disk.free() });
  });

  it.skipIf(unmountable !== undefined)('a read-only mount', async () => {
    const disk = new SmallDisk(2 ** 20);
    onTestFinished(() => disk.close());
    disk.remount('ro');
    await FolderArtifacts.in(disk.folder).checkReadable();
    await keepsItsWordWhenBroken({ ...artifactsIn(disk.folder), mend: () => disk.remount('rw') });
  });

  it.skipIf(process.getuid?.() !== 0)('a folder of another user', async () => {
    const dataDir = await makeTemporaryFolder();
    const script = `
      const { FolderArtifacts } = await import('./dist/src/store/folder-artifacts.js');
      await FolderArtifacts.in(${JSON.stringify(dataDir)}).checkWritable().catch((e) => console.log(e.message));`;
    const nobody = { uid: 65534, gid: 65534 };
    const { stdout } = spawnSync('node', ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      ...nobody,
    });
    expect(stdout.trim()).toBe(
      `The folder ${dataDir}/jobs cannot be written: EACCES: permission denied. Descent runs as user 65534: make that user its owner.`,
    );
  });
});
