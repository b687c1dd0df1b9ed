import { describe, expect, it } from 'vitest';
import type { Artifacts } from '../../src/store/artifacts.ts';
import { newJobId } from './open-store.ts';

/** An implementation under test, and ways to tamper with it from outside. */
export interface OpenArtifacts {
  artifacts: Artifacts;
  /** The same files, opened as by another process. */
  again(): Artifacts;
  /** Replaces the stored bytes of a file. */
  damage(id: string, name: string, bytes: Uint8Array): Promise<void>;
  /** Leaves what a killed writer leaves: a partial file of this attempt, not yet under its final name. */
  leavePart(id: string, attempt: number): Promise<void>;
  /** The names of a job's files, partial files included. */
  names(id: string): Promise<string[]>;
}

const BYTES = new Uint8Array([1, 2, 3, 4]);
const SHA256 = '9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a';
const UNAVAILABLE = { name: 'StorageUnavailableError', code: 'storage_unavailable' };

/** What every implementation of Artifacts must do. `open` creates an empty one. */
export function conformsToArtifacts(open: () => Promise<OpenArtifacts>): void {
  const openJob = async () => ({ ...(await open()), id: newJobId() });

  describe('a file', () => {
    it('is read as it was written, by other processes too', async () => {
      const { artifacts, again, id, names } = await openJob();
      const file = await artifacts.write(id, '1-2.ckpt', BYTES);
      expect(file).toEqual({ name: '1-2.ckpt', sha256: SHA256 });
      expect(new Uint8Array((await artifacts.read(id, file))!)).toEqual(BYTES);
      expect(new Uint8Array((await again().read(id, file))!)).toEqual(BYTES);
      expect(await names(id)).toEqual(['1-2.ckpt']);
    });

    it('may be empty, and may be written again', async () => {
      const { artifacts, id } = await openJob();
      const empty = await artifacts.write(id, 'a.bin', new Uint8Array(0));
      expect(await artifacts.read(id, empty)).toHaveLength(0);
      const file = await artifacts.write(id, 'a.bin', BYTES);
      expect(new Uint8Array((await artifacts.read(id, file))!)).toEqual(BYTES);
      expect(await artifacts.read(id, empty)).toBeUndefined();
    });

    it('is not accepted when it was changed, cut or lost, nor under another hash or job', async () => {
      const { artifacts, damage, id } = await openJob();
      const file = await artifacts.write(id, 'a.bin', BYTES);
      expect(await artifacts.read(id, { ...file, sha256: 'f'.repeat(64) })).toBeUndefined();
      expect(await artifacts.read(newJobId(), file)).toBeUndefined();
      await damage(id, 'a.bin', new Uint8Array([1, 2, 3, 5]));
      expect(await artifacts.read(id, file)).toBeUndefined();
      await damage(id, 'a.bin', BYTES.subarray(0, 2));
      expect(await artifacts.read(id, file)).toBeUndefined();
      await artifacts.removeFile(id, 'a.bin');
      expect(await artifacts.read(id, file)).toBeUndefined();
    });

    it('is whole, and one of those written, when many write it at once', async () => {
      const { artifacts, again, id, names } = await openJob();
      const writers = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? artifacts : again()));
      const files = await Promise.all(
        writers.map((writer, i) => writer.write(id, 'a.bin', new Uint8Array(100_000).fill(i))),
      );
      const reads = await Promise.all(files.map((file) => artifacts.read(id, file)));
      expect(reads.filter((bytes) => bytes !== undefined)).toHaveLength(1);
      expect(await names(id)).toEqual(['a.bin']);
    });

    it.each(['../escape', '..', '', 'a/b', '.hidden', 'x'.repeat(200), 'nul\0'])(
      'cannot be called %j',
      async (name) => {
        const { artifacts, id, names } = await openJob();
        await expect(artifacts.write(id, name, BYTES)).rejects.toThrow();
        await expect(artifacts.read(id, { name, sha256: SHA256 })).rejects.toThrow();
        await expect(artifacts.removeFile(id, name)).rejects.toThrow();
        expect(await names(id)).toEqual([]);
      },
    );

    it.each(['../job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', '', '.', 'job_1'])(
      'cannot belong to the job %j',
      async (id) => {
        const { artifacts } = await open();
        const refusal = 'is not the id of a job';
        await expect(artifacts.write(id, 'a.bin', BYTES)).rejects.toThrow(refusal);
        await expect(artifacts.remove(id)).rejects.toThrow(refusal);
        await expect(artifacts.keepOnly(id, [])).rejects.toThrow(refusal);
      },
    );
  });

  describe('a file that is shared', () => {
    it('is there for both jobs, and stays when it leaves the first', async () => {
      const { artifacts, again, id, names } = await openJob();
      const other = newJobId();
      const file = await artifacts.write(id, '1-model.bin', BYTES);
      expect(await again().share(id, other, file)).toBe(true);
      expect(await names(other)).toEqual(['1-model.bin']);
      expect(await artifacts.size(other)).toBe(4);
      await artifacts.write(id, '1-model.bin', new Uint8Array([9]));
      await artifacts.remove(id);
      expect(new Uint8Array((await artifacts.read(other, file))!)).toEqual(BYTES);
    });

    it('is not there if it was damaged or lost', async () => {
      const { artifacts, damage, id, names } = await openJob();
      const other = newJobId();
      const file = await artifacts.write(id, '1-model.bin', BYTES);
      expect(await artifacts.share(newJobId(), other, file)).toBe(false);
      await damage(id, '1-model.bin', new Uint8Array([1, 2, 3, 5]));
      expect(await artifacts.share(id, other, file)).toBe(false);
      await artifacts.removeFile(id, '1-model.bin');
      expect(await artifacts.share(id, other, file)).toBe(false);
      expect(await names(other)).toEqual([]);
    });
  });

  describe('removal', () => {
    it('keeps only the given files, and removes whole jobs, even twice', async () => {
      const { artifacts, leavePart, names, id } = await openJob();
      for (const name of ['1-1.ckpt', '1-2.ckpt', '2-3.ckpt']) await artifacts.write(id, name, BYTES);
      await leavePart(id, 1);
      await artifacts.keepOnly(id, ['1-2.ckpt', 'missing']);
      expect(await names(id)).toEqual(['1-2.ckpt']);
      await artifacts.remove(id);
      await artifacts.remove(id);
      await artifacts.keepOnly(id, []);
      await artifacts.removeEarlier(id, 2, []);
      await artifacts.removeFile(id, '1-2.ckpt');
      expect(await names(id)).toEqual([]);
    });

    it('removes the files of earlier attempts, but never those of a later one', async () => {
      const { artifacts, leavePart, names, id } = await openJob();
      for (const name of ['1-1.ckpt', '1-2.ckpt', '2-3.ckpt', '3-model.bin', '10-4.ckpt'])
        await artifacts.write(id, name, BYTES);
      await leavePart(id, 1);
      await leavePart(id, 3);
      await artifacts.removeEarlier(id, 3, ['1-2.ckpt']);
      const left = await names(id);
      expect(left).toEqual(expect.arrayContaining(['1-2.ckpt', '10-4.ckpt', '3-model.bin']));
      // The partial file of attempt 3.
      expect(left).toHaveLength(4);
    });

    it('touches no other job', async () => {
      const { artifacts, id } = await openJob();
      const other = newJobId();
      const file = await artifacts.write(other, 'a.bin', BYTES);
      await artifacts.write(id, 'a.bin', BYTES);
      await artifacts.remove(id);
      expect(await artifacts.read(other, file)).toBeDefined();
    });
  });

  describe('the list of jobs', () => {
    it('has the jobs with files and the time of their last change; sizes are in bytes', async () => {
      const { artifacts, id } = await openJob();
      expect(await artifacts.list()).toEqual([]);
      expect(await artifacts.size(id)).toBe(0);
      const beforeMs = Date.now() - 5_000;
      await artifacts.write(id, 'a.bin', BYTES);
      await artifacts.write(id, 'b.bin', new Uint8Array(1_000));
      const [job, ...others] = await artifacts.list();
      expect([job!.id, others]).toEqual([id, []]);
      expect(job!.writtenMs).toBeGreaterThan(beforeMs);
      expect(await artifacts.size(id)).toBe(1_004);
      await artifacts.remove(id);
      expect(await artifacts.list()).toEqual([]);
    });
  });

  describe('a check', () => {
    it('passes on a working storage, empty or not, and leaves nothing in it', async () => {
      const { artifacts, id } = await openJob();
      await artifacts.checkReadable();
      await artifacts.checkWritable();
      await artifacts.checkReadable();
      expect(await artifacts.list()).toEqual([]);
      await artifacts.write(id, 'a.bin', BYTES);
      await artifacts.checkWritable();
      expect((await artifacts.list()).map((job) => job.id)).toEqual([id]);
    });
  });
}

/**
 * What every implementation must do on a storage that accepts no write: full, read-only or broken.
 * @param broken empty artifacts whose storage accepts no write until `mend`.
 */
export async function keepsItsWordWhenBroken(broken: {
  artifacts: Artifacts;
  names(id: string): Promise<string[]>;
  mend(): void | Promise<void>;
}): Promise<void> {
  const { artifacts, names, mend } = broken;
  const id = newJobId();
  await expect(artifacts.write(id, 'a.bin', new Uint8Array(100_000))).rejects.toMatchObject(UNAVAILABLE);
  await expect(artifacts.checkWritable()).rejects.toMatchObject({
    ...UNAVAILABLE,
    message: expect.stringMatching(/^The folder \S+ cannot be written: [A-Z]+: [^/]+\.$/),
  });
  expect(await names(id)).toEqual([]);
  await mend();
  await artifacts.checkWritable();
  const file = await artifacts.write(id, 'a.bin', BYTES);
  expect(new Uint8Array((await artifacts.read(id, file))!)).toEqual(BYTES);
}
