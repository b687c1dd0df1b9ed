import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDataset } from '../../src/dataset/prepared.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('the page', () => {
  it('is there for browsers; programs are sent to /docs', async () => {
    const page = await api.request({ url: '/', headers: HTML });
    expect([page.statusCode, page.headers['cache-control']]).toEqual([200, 'no-cache']);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    for (const accept of [undefined, '*/*', 'application/json']) {
      const answer = await api.request({ url: '/', headers: accept === undefined ? {} : { accept } });
      expect([answer.statusCode, answer.headers.location]).toEqual([302, '/docs']);
    }
  });

  it('has files of its own only, compressed, which browsers may keep for ever', async () => {
    const { body } = await api.request({ url: '/', headers: HTML });
    const files = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) {
      expect(file).toMatch(/^assets\/[a-z]+-[0-9a-f]{12}\.(js|css|svg)$/);
      for (const encoding of ['br', 'gzip', 'identity']) {
        const answer = await api.request({ url: `/${file}`, headers: { 'accept-encoding': encoding } });
        expect(answer.statusCode).toBe(200);
        expect(answer.headers['content-encoding'] ?? 'identity').toBe(encoding);
        expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      }
    }
  });

  it('weighs 60 kB at most, all that the first visit loads, with gzip', async () => {
    const { body } = await api.request({ url: '/', headers: HTML });
    const files = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    const answers = await Promise.all(
      ['', ...files].map((file) =>
        api.request({ url: `/${file}`, headers: { ...HTML, 'accept-encoding': 'gzip' } }),
      ),
    );
    for (const { headers } of answers) expect(headers['content-encoding']).toBe('gzip');
    const bytes = answers.reduce((sum, { rawPayload }) => sum + rawPayload.length, 0);
    expect(bytes).toBeLessThanOrEqual(60_000);
  });

  it.each(['main-000000000000.js', 'main.js', 'index.html', '../index.html', '../../package.json'])(
    'has no other file: %s',
    async (file) => {
      const answer = await api.request({ url: `/assets/${encodeURIComponent(file)}` });
      expectProblem(answer, 404, 'not_found');
    },
  );
});

describe('GET /datasets/{name}/rows/{split}/{index}.png', () => {
  const shape = resolveDataset('mnist_sample');
  let rows: Uint8Array;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'descent-'));
    const dataset = await openDataset(shape, folder);
    rows = new Uint8Array(2 * shape.inputs);
    dataset.test.readValues(rows, 0);
    dataset.close();
    return () => rm(folder, { recursive: true });
  });

  it('is the image of that row, which browsers ask for once', async () => {
    const url = '/datasets/mnist_sample/rows/test/1.png';
    const answer = await api.request({ url });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'image/png']);
    const { data, width, height } = PNG.sync.read(answer.rawPayload);
    expect([width, height]).toEqual([28, 28]);
    const grey = Uint8Array.from({ length: shape.inputs }, (_, p) => data[4 * p]!);
    expect(grey).toEqual(rows.subarray(shape.inputs));
    const again = await api.request({ url, headers: { 'if-none-match': `${answer.headers.etag}` } });
    expect([again.statusCode, again.rawPayload.length]).toEqual([304, 0]);
  });

  it.each([
    ['test', `${shape.rows.test - 1}`, 200],
    ['train', '0', 200],
    ['test', `${shape.rows.test}`, 404],
    ['test', '-1', 404],
    ['test', '1.5', 404],
    ['test', 'x', 404],
    ['validation', '0', 404],
  ])('%s row %s: %i', async (split, index, status) => {
    const answer = await api.request({ url: `/datasets/mnist_sample/rows/${split}/${index}.png` });
    if (status === 200) expect(answer.statusCode).toBe(200);
    else expectProblem(answer, status, 'not_found');
  });

  it('an unknown dataset is not there either; the answer says which are', async () => {
    const answer = await api.request({ url: '/datasets/nothing/rows/test/0.png' });
    const { detail } = expectProblem(answer, 404, 'dataset_not_found');
    expect(detail).toContain('mnist_sample');
  });
});
