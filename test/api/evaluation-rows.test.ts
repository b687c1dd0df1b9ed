import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { EvaluationRows } from '../../src/contract/evaluation-rows.ts';
import { openDataset, preparedName } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import type { Targets } from '../../src/engine/engine.ts';
import { encodeContainer } from '../../src/training/container.ts';
import { newJobId, SUCCESS } from '../store/open-store.ts';
import { imagesOf } from '../training/small-job.ts';
import { expectProblem, openApi } from './open-api.ts';
import { writeModel } from './stored-model.ts';

const api = openApi();

const SPEC = { dataset: 'mnist_sample', model: { hidden_units: [4] } };

/** Of the test rows. */
let labels: Targets;
let images: Uint8Array;
/** Every third row of class 4 is taken for a 9, the others are right. */
let nines: number[];
let id: string;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'descent-'));
  const dataset = await openDataset(DATASETS.mnist_sample.shape, folder);
  labels = dataset.test.targets;
  images = imagesOf(dataset.test);
  dataset.close();
  rmSync(folder, { recursive: true });
  nines = [...labels.keys()].filter((row) => labels[row] === 4).filter((_, k) => k % 3 === 0);
  id = await succeeded();
});

async function succeeded(): Promise<string> {
  const job = await api.running(SPEC);
  const predicted = Uint16Array.from(labels, (label, row) => (nines.includes(row) ? 9 : label));
  const model = await writeModel(api, job.id, SPEC, predicted);
  await api.transitions.finish(job.id, job.token, { ...SUCCESS, model });
  return job.id;
}

const get = (query: string, headers: Record<string, string> = {}) =>
  api.request({ url: `/jobs/${id}/evaluation/rows${query}`, headers });

describe('the test rows of an evaluation', () => {
  it('are those of a cell, in the order of the test set', async () => {
    const { data, total, next } = (await get('?actual=4&predicted=9')).json<EvaluationRows>();
    expect(data).toEqual(nines.map((index) => ({ index, actual: '4', predicted: '9' })));
    expect([total, next]).toEqual([nines.length, null]);
    expect((await get('?actual=9&predicted=4')).json()).toMatchObject({ data: [], total: 0, next: null });
  });

  it('are those of a class, or all, in pages', async () => {
    const fours = (await get('?actual=4&limit=400')).json<EvaluationRows>();
    expect(fours.total).toBe(labels.filter((label) => label === 4).length);
    const found: number[] = [];
    for (let next: string | null = `/jobs/${id}/evaluation/rows?limit=400`; next !== null; ) {
      const page: EvaluationRows = (await api.request({ url: next })).json();
      expect(page.total).toBe(1000);
      expect((await api.request({ url: page.links.self })).json()).toEqual(page);
      found.push(...page.data.map(({ index }) => index));
      next = page.next;
    }
    expect(found).toEqual([...labels.keys()]);
  });

  it('are shown by the link to their images, in the same order', async () => {
    const { data, links } = (await get('?actual=4&predicted=9&limit=5&from=1')).json<EvaluationRows>();
    const response = await api.request({ url: links.images! });
    expect(response.headers['content-type']).toBe('image/png');
    const png = PNG.sync.read(response.rawPayload);
    // Three columns, two lines, each image enlarged to 56 px with a gap of 4.
    expect([png.width, png.height]).toEqual([184, 124]);
    for (const [k, { index }] of data.entries()) {
      for (let pixel = 0; pixel < 784; pixel += 1) {
        const [y, x] = [Math.floor(pixel / 28), pixel % 28];
        const at = (4 + Math.floor(k / 3) * 60 + 2 * y + 1) * 184 + 4 + (k % 3) * 60 + 2 * x;
        expect(png.data[4 * at]).toBe(images[784 * index + pixel]);
      }
    }
    expectProblem(await get('.png?actual=9&predicted=4'), 404, 'not_found');
  });

  it('are shown even if the prepared data were damaged: they are made again', async () => {
    const sheet = (await get('.png?limit=9')).rawPayload;
    const file = join(
      dirname(api.artifacts.location.folder),
      'datasets',
      preparedName(DATASETS.mnist_sample.shape),
    );
    const bytes = readFileSync(file);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 1]! ^= 1;
    writeFileSync(file, damaged);
    expect((await get('.png?limit=9')).rawPayload.equals(sheet)).toBe(true);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('have an ETag for each question and form', async () => {
    const urls = ['', '?actual=4', '?predicted=4', '?limit=7', '?from=1', '.png', '.png?actual=4'];
    const etags: string[] = [];
    for (const url of urls) etags.push(String((await get(url)).headers.etag));
    expect(new Set(etags).size).toBe(urls.length);
    for (const [i, url] of urls.entries()) {
      expect((await get(url, { 'if-none-match': etags[i]! })).statusCode).toBe(304);
    }
  });
});

describe.each(['', '.png'])('/evaluation/rows%s', (form) => {
  const of = (job: string) => api.request({ url: `/jobs/${job}/evaluation/rows${form}` });

  it('refuses what is no class, with the classes, and pages that are too large', async () => {
    for (const [query, pointer] of [
      ['actual=10', '/actual'],
      ['predicted=nine', '/predicted'],
      ['limit=401', '/limit'],
      ['from=-1', '/from'],
    ]) {
      const { errors } = expectProblem(await get(`${form}?${query}`), 422, 'validation_failed');
      expect(errors).toMatchObject([{ in: 'query', pointer }]);
      if (pointer !== '/limit' && pointer !== '/from') expect(errors![0]!.detail).toContain('0, 1, 2');
    }
  });

  it('says why a job has none', async () => {
    expectProblem(await of(newJobId()), 404, 'job_not_found');
    expectProblem(await of((await api.running()).id), 404, 'not_available_yet');
    expectProblem(await of(await api.failed()), 404, 'not_found');
  });

  it('says that a job of an earlier version has kept no predictions', async () => {
    const job = await api.running(SPEC);
    const weights = new Float32Array(784 * 4 + 4 + 40 + 10);
    const bytes = encodeContainer('model', { about: {}, arrays: [{ name: 'weights', values: weights }] });
    const model = await api.artifacts.write(job.id, '1-model.bin', bytes);
    await api.transitions.finish(job.id, job.token, { ...SUCCESS, model });
    const { detail } = expectProblem(await of(job.id), 404, 'not_found');
    expect(detail).toContain('earlier version');
  });

  it('says that the data are not here any more', async () => {
    const job = await succeeded();
    const data = { ...DATASETS.mnist_sample.shape, dataset: 'gone' };
    await api.redis.hset(api.keys.job(job), 'data', JSON.stringify(data));
    expect(expectProblem(await of(job), 404, 'not_found').detail).toContain('gone');
  });
});
