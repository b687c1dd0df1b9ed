import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readUpload } from '../../src/dataset/reading-process.ts';
import { UPLOADED_FILES } from '../../src/dataset/uploads.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** The process that reads an upload, as it is built. */

const NEVER = new AbortController().signal;
const LIMITS = { memoryBytes: 1e9, timeMs: 60_000, signal: NEVER };

async function taskOf(body: string) {
  const folder = await makeTemporaryFolder();
  await writeFile(join(folder, UPLOADED_FILES.body), body);
  const limits = { unpackedBytes: 2 ** 30, preparedBytes: 2 ** 30 };
  return { name: 'mine', format: 'csv' as const, options: {}, folder, limits };
}

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) => `${i},${i % 97},${i % 89},c${i % 3}`).join('\n');

describe('the process that reads an upload', () => {
  it('answers with what it made, or why it refuses', async () => {
    expect(await readUpload(await taskOf(lines(20)), LIMITS)).toMatchObject({
      type: 'made',
      stored: { shape: { dataset: 'mine', rows: { train: 16, test: 4 } } },
    });
    expect(await readUpload(await taskOf('a,b\n1,2\n'), LIMITS)).toMatchObject({
      type: 'refused',
      message: expect.any(String),
    });
  });

  it('is ended when it takes too much memory', async () => {
    const memoryBytes = 60e6;
    expect(await readUpload(await taskOf(lines(200_000)), { ...LIMITS, memoryBytes })).toEqual({
      type: 'no_memory',
    });
  });

  it('is ended when it takes too long', async () => {
    expect(await readUpload(await taskOf(lines(100)), { ...LIMITS, timeMs: 1 })).toEqual({
      type: 'too_slow',
    });
  });

  it('is ended when nobody wants its answer', async () => {
    const stop = new AbortController();
    const reading = readUpload(await taskOf(lines(400_000)), { ...LIMITS, signal: stop.signal });
    stop.abort(new Error('gone'));
    await expect(reading).rejects.toThrow('gone');
    await expect(readUpload(await taskOf(''), { ...LIMITS, signal: stop.signal })).rejects.toThrow('gone');
  });

  it('says so when it fails', async () => {
    const task = { ...(await taskOf('')), folder: '/no/such/folder' };
    await expect(readUpload(task, LIMITS)).rejects.toThrow(
      /^the process that reads an upload exited with code 1: .*ENOENT/s,
    );
  });
});
