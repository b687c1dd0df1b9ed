import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DatasetDetail, Descent, DescentError } from '../../src/client/descent.ts';
import { Installation } from '../end-to-end/installation.ts';
import { type Ended, runProgram } from '../support/run-program.ts';
import { COMMAND, lines } from './run-command.ts';

/** `descent data` and the client's datasets, against real processes. */

const descent = await Installation.startForFile();
const folder = join(descent.dataDir, 'here');
mkdirSync(folder);
const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };
const { datasets } = new Descent({ url: descent.url });

const run = async (...args: string[]): Promise<Ended> =>
  await runProgram(process.execPath, [COMMAND, 'data', ...args], { cwd: folder, env });

const TABLE = resolve('test/dataset/reading/files/tables/plain.csv');
const PICTURES = resolve('test/dataset/reading/files/archives/folders.zip');

describe('descent data', () => {
  it('uploads, lists, shows and deletes', async () => {
    const dry = await run(
      'put',
      TABLE,
      '--name',
      'flowers',
      '--dry-run',
      '--option',
      'target=plan',
      'drop=age',
    );
    expect(dry, dry.stderr).toMatchObject({ code: 0 });
    expect(dry.stdout).toMatch(/^name +flowers, which is not kept \(--dry-run\)$/m);
    const put = await run('put', TABLE, '--name', 'flowers', '--option', 'target=plan', 'drop=age');
    expect(put, put.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(put.stdout).toMatch(/^predicts +plan$/m);
    expect(put.stdout).toMatch(/^classes +basic, plus$/m);
    expect(put.stdout).toMatch(/^columns +height, share, town, member, species$/m);
    const list = await run('list');
    expect(list.stdout).toMatch(/^mnist +built in +images +60000 +10000 +784 +10 classes +55 MB$/m);
    expect(list.stdout).toMatch(/^flowers +you +table +120 +30 /m);
    const [shown] = lines((await run('show', 'flowers', '--json')).stdout) as DatasetDetail[];
    expect(shown).toMatchObject({ name: 'flowers', options: { target: 'plan', drop: ['age'] } });
    expect((await run('show', 'flowers')).stdout).toContain(shown!.sha256);
    expect(await run('rm', 'flowers')).toMatchObject({ code: 0, stdout: 'flowers is deleted.\n' });
    expect(await run('rm', 'flowers')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no dataset flowers'),
    });
  });

  it('takes the name and the format from the file, and asks where it cannot', async () => {
    writeFileSync(
      join(folder, 'My Table.csv'),
      Array.from({ length: 20 }, (_, i) => `${i},${i % 3},c${i % 2}`).join('\n'),
    );
    expect((await run('put', 'My Table.csv')).stdout).toMatch(/^name +my-table$/m);
    expect((await run('list', '--json')).stdout).toContain('"name":"my-table"');
    await run('rm', 'my-table');
    const zip = await run('put', PICTURES);
    expect(zip).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('add --format csv, npz, idx, images or parquet'),
    });
    expect((await run('put', PICTURES, '--format', 'images', '--option', 'size=8x8')).code).toBe(0);
    await run('rm', 'folders');
    expect((await run('put', 'nothing.csv')).stderr).toContain('nothing.csv cannot be read');
    expect((await run('put', 'My Table.csv', '--option', 'target')).stderr).toContain('write name=value');
  });

  it('says where a file is wrong', async () => {
    writeFileSync(join(folder, 'bad.csv'), 'a,b,c\n1,2,x\n3,4,\n5,1e999,y\n');
    const { code, stderr } = await run('put', 'bad.csv');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ {2}line 3, column c.*: /m);
    expect(stderr).toMatch(/^ {2}line 4, column b, "1e999": /m);
    const asJson = await run('put', 'bad.csv', '--json');
    expect(JSON.parse(asJson.stderr)).toMatchObject({
      error: { code: 'dataset_refused', places: [{ line: 3 }, { line: 4 }] },
    });
  });
});

describe('datasets of descent/client', () => {
  it('are put with progress, read page by page and deleted', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i},${i % 13},c${i % 2}`).join('\n');
    const file = new Blob([rows]);
    const sent: number[] = [];
    const made = await datasets.put('large', file, {
      format: 'csv',
      onProgress: (bytes) => void sent.push(bytes),
    });
    expect(made).toMatchObject({ name: 'large', train_rows: 40_000, source: { bytes: file.size } });
    expect(sent.at(-1)).toBe(file.size);
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect(await datasets.get('large')).toEqual(made);
    const page = await datasets.rows('large', { split: 'train', after: 9, limit: 2 });
    expect(page.data.map(({ index }) => index)).toEqual([10, 11]);
    expect((await datasets.list()).map(({ name }) => name)).toContain('large');
    await datasets.delete('large');
    await expect(datasets.get('large')).rejects.toMatchObject({ code: 'dataset_not_found', status: 404 });
    const table = new Blob(['1,2,x\n2,3,y\n'], { type: 'text/csv' });
    const refused = await datasets.put('small', table).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DescentError);
    expect(refused).toMatchObject({ code: 'dataset_refused' });
    await expect(datasets.get('../jobs')).rejects.toMatchObject({
      code: 'dataset_not_found',
      status: undefined,
    });
  });
});
