import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { quotasFor } from '../../src/api/quotas.ts';
import type { Dataset, DatasetDetail, DatasetRows } from '../../src/contract/dataset.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { SUCCESS } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const TABLES = 'test/dataset/reading/files/tables';
const ARCHIVES = 'test/dataset/reading/files/archives';

const api = openApi();
const limited = openApi({ uploadLimits: { bodyBytes: 10_000, totalBytes: 20_000, memoryBytes: 2e9 } });

type Api = typeof api;

const put = async (
  path: string,
  payload: string | Buffer,
  headers: Record<string, string> = {},
  on: Api = api,
) => await on.request({ method: 'PUT', url: `/datasets/${path}`, payload, headers });

const putFile = async (path: string, file: string, on?: Api) => await put(path, await readFile(file), {}, on);

/** What is below DATA_DIR/datasets. */
const filesOf = ({ artifacts }: Api): string[] => {
  const folder = artifacts.location.folder.replace(/jobs$/, 'datasets');
  return existsSync(folder) ? readdirSync(folder).sort() : [];
};

const remove = (name: string, on: Api = api) => on.request({ method: 'DELETE', url: `/datasets/${name}` });

afterEach(async () => {
  for (const on of [api, limited]) {
    const { data } = (await on.request({ url: '/datasets' })).json<{ data: Dataset[] }>();
    for (const { name } of data.filter((dataset) => !dataset.built_in)) await remove(name, on);
  }
});

const CSV =
  'length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n6.4,3.1,versicolor\n5.0,,setosa\n6.9,3.3,versicolor\n';

describe('PUT /datasets/{name}', () => {
  it('takes a table and says how it was read; the same again changes nothing', async () => {
    const first = await put('flowers', CSV, { 'content-type': 'text/csv; charset=utf-8' });
    expect(first.statusCode, first.body).toBe(201);
    expect(first.headers.location).toBe('/datasets/flowers');
    const made = first.json<DatasetDetail>();
    expect(made).toMatchObject({
      name: 'flowers',
      built_in: false,
      kind: 'table',
      task: 'classification',
      inputs: 2,
      classes: ['setosa', 'versicolor'],
      problem: null,
      source: { bytes: CSV.length },
      options: { format: 'csv', header: true, delimiter: 'comma', target: 'species', test_split: 0.2 },
      target_column: { name: 'species', type: 'class' },
    });
    expect(made.columns!.map(({ name, missing }) => [name, missing])).toEqual([
      ['length', 0],
      ['width', 1],
    ]);
    expect(made.train_rows + made.test_rows).toBe(6);
    const again = await put('flowers?format=csv', CSV.replaceAll('\n', '\r\n'));
    expect(again.statusCode).toBe(200);
    // What was kept first is shown, not what was sent now.
    expect(again.json()).toEqual(made);
    expect((await api.request({ url: '/datasets/flowers' })).json()).toEqual(made);
    expectProblem(await put('flowers?format=csv', CSV.replace('5.1', '5.2')), 409, 'dataset_exists');
    expect((await api.request({ url: '/datasets/flowers' })).json()).toEqual(made);
    const list = (await api.request({ url: '/datasets' })).json<{ data: Dataset[] }>().data;
    expect(list.find(({ name }) => name === 'flowers')).toMatchObject({
      sha256: made.sha256,
      bytes: made.bytes,
    });
    expect(list[0]).toMatchObject({ name: 'mnist', built_in: true });
    expect((await remove('flowers')).statusCode).toBe(204);
    expect(filesOf(api)).toEqual([]);
    expectProblem(await remove('flowers'), 404, 'dataset_not_found');
  });

  it.each([
    ['csv', `${TABLES}/german.csv`, 'table'],
    ['parquet', `${TABLES}/zstd.parquet`, 'table'],
    ['parquet', `${ARCHIVES}/images-snappy.parquet`, 'images'],
    ['npz', `${ARCHIVES}/keras.npz`, 'images'],
    ['idx', `${ARCHIVES}/idx-gz.zip`, 'images'],
    ['images', `${ARCHIVES}/folders.zip`, 'images'],
  ])('takes %s: %s', async (format, file, kind) => {
    const made = await putFile(`a-file?format=${format}`, file);
    expect(made.statusCode, made.body).toBe(201);
    expect(made.json()).toMatchObject({ kind });
    const rows = await api.request({ url: '/datasets/a-file/rows?split=train&limit=3' });
    const { data } = rows.json<DatasetRows>();
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
    const png = await api.request({ url: '/datasets/a-file/rows/test/0.png' });
    expect(png.statusCode).toBe(kind === 'images' ? 200 : 404);
  });

  it('takes numbers to predict, and shows rows in their own unit', async () => {
    const lines = Array.from(
      { length: 30 },
      (_, i) => `${i},${i % 3 === 0 ? 'red' : 'blue'},${(21.5 * i).toFixed(1)}`,
    );
    const csv = ['size,colour,price', ...lines].join('\n');
    const made = await put('prices?format=csv&task=regression', csv);
    expect(made.statusCode, made.body).toBe(201);
    expect(made.json()).toMatchObject({ task: 'regression', classes: null, class_counts: null, inputs: 3 });
    const shown: (string | number | null)[][] = [];
    for (const split of ['train', 'test']) {
      const { data } = (
        await api.request({ url: `/datasets/prices/rows?split=${split}&limit=1000` })
      ).json<DatasetRows>();
      shown.push(...data.map(({ values, target }) => [...values, target]));
    }
    const sent = lines.map((line) =>
      line.split(',').map((cell) => (Number.isNaN(Number(cell)) ? cell : Number(cell))),
    );
    expect(shown.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual(sent);
    const page = await api.request({ url: '/datasets/prices/rows?split=train&after=1&limit=2' });
    expect(page.json()).toMatchObject({ data: [{ index: 2 }, { index: 3 }], has_more: true });
  });

  it('with dry_run says what would be made, and keeps nothing', async () => {
    const dry = await put('dry?format=csv&dry_run=true', CSV);
    expect(dry.statusCode, dry.body).toBe(200);
    expect(dry.json()).toMatchObject({ name: 'dry', created_at: null, classes: ['setosa', 'versicolor'] });
    expect(dry.headers.location).toBeUndefined();
    expectProblem(await api.request({ url: '/datasets/dry' }), 404, 'dataset_not_found');
    expect(filesOf(api)).toEqual([]);
  });

  it('refuses a file with the places in it, and leaves nothing', async () => {
    const bad = CSV.replace('setosa', '').replace('6.4', '1e999');
    const problem = expectProblem(await put('bad?format=csv', bad), 422, 'dataset_refused');
    expect(problem.places).toEqual([
      expect.objectContaining({ line: 2, column: 'species', problem: expect.any(String) }),
      expect.objectContaining({ line: 5, column: 'length', found: '1e999' }),
    ]);
    expect(filesOf(api)).toEqual([]);
  });

  it.each([
    [
      'bad?format=xml',
      CSV,
      422,
      'validation_failed',
      '/format must be one of "csv", "npz", "idx", "images", "parquet"',
    ],
    [
      'bad?format=npz&header=true',
      CSV,
      422,
      'validation_failed',
      '/header is unknown; allowed here: test_split, task, scale',
    ],
    ['bad?format=csv&size=28x28', CSV, 422, 'validation_failed', '/size is unknown'],
    [
      'bad?format=csv&test_split=2',
      CSV,
      422,
      'validation_failed',
      '/test_split must be a number greater than 0 and less than 1',
    ],
    ['bad?format=csv&test_split=0.2&split_column=x', CSV, 422, 'validation_failed', '/test_split'],
    ['bad?format=csv&statsu=1', CSV, 422, 'validation_failed', '/statsu is unknown'],
    ['bad?format=csv&dry_run=yes', CSV, 422, 'validation_failed', '/dry_run must be one of "true", "false"'],
    ['bad?format=csv', '', 422, 'validation_failed', 'The body must be the file; it is empty'],
    ['bad', CSV, 415, 'unsupported_media_type', 'Say what the file is: add ?format= with one of'],
    ['mnist?format=csv', CSV, 409, 'dataset_exists', 'mnist is a built-in dataset.'],
    ['Bad?format=csv', CSV, 404, 'not_found', 'a name of 1 to 64 characters'],
    ['bad?format=parquet', CSV, 422, 'dataset_refused', ''],
    ['bad?format=csv&target=colour', CSV, 422, 'dataset_refused', 'colour'],
  ] as const)('refuses %s', async (path, body, status, code, detail) => {
    const problem = expectProblem(await put(path, body), status, code);
    expect(problem.detail).toContain(detail);
    expect(filesOf(api)).toEqual([]);
  });

  it('refuses a packed body', async () => {
    const packed = await put('bad?format=csv', CSV, { 'content-encoding': 'gzip' });
    expectProblem(packed, 415, 'unsupported_media_type');
  });

  it('refuses a file that is too large, whether its size is known before or not', async () => {
    const large = Buffer.alloc(10_001, '1,2\n');
    const known = expectProblem(await put('large?format=csv', large, {}, limited), 413, 'payload_too_large');
    expect(known.detail).toContain('at most 0.01 MB (MAX_DATASET_MB)');
    const answer = await send(limited, 'large?format=csv', (request) => {
      request.write(large);
      request.end();
    });
    expect(answer).toMatchObject({ status: 413 });
    expect(filesOf(limited)).toEqual([]);
  });

  it('refuses what finds no room, and names what could be deleted', async () => {
    const csv = (seed: number) =>
      [
        'a,b,c',
        ...Array.from({ length: 400 }, (_, i) => `${(i * seed) % 97},${(i * 7) % 89},c${i % 2}`),
      ].join('\n');
    expect((await put('one?format=csv', csv(3), {}, limited)).statusCode).toBe(201);
    const used = (await limited.request({ url: '/me' })).json().use.dataset_bytes.used;
    expect(used).toBeGreaterThan(4_000);
    let problem = await put('more?format=csv', csv(5), {}, limited);
    for (let n = 0; problem.statusCode === 201; n += 1)
      problem = await put(`more-${n}?format=csv`, csv(11 + n), {}, limited);
    expect(expectProblem(problem, 507, 'datasets_full').detail).toMatch(
      /^The datasets of this server take 0\.\d\d MB, and with this one would take more than 0\.02 MB \(DATASETS_GB\)\. Delete some of yours; the largest are .*one \(0\.\d\d MB\)/,
    );
    const kept = (await limited.request({ url: '/datasets' }))
      .json<{ data: Dataset[] }>()
      .data.filter((d) => !d.built_in);
    expect(filesOf(limited)).toHaveLength(2 * kept.length);
    for (const { name } of kept) expect((await remove(name, limited)).statusCode).toBe(204);
    expect(filesOf(limited)).toEqual([]);
    expect((await limited.request({ url: '/me' })).json().use.dataset_bytes.used).toBe(0);
  });

  it('of several uploads of one name at once, one wins and the others are told', async () => {
    const bodies = [CSV, CSV.replace('5.1', '5.2'), CSV.replace('5.1', '5.3'), CSV];
    const answers = await Promise.all(bodies.map((body) => put('race?format=csv', body)));
    const statuses = answers.map(({ statusCode }) => statusCode).sort();
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.every((status) => [200, 201, 409].includes(status))).toBe(true);
    const { sha256 } = (await api.request({ url: '/datasets/race' })).json<DatasetDetail>();
    for (const answer of answers) if (answer.statusCode < 300) expect(answer.json().sha256).toBe(sha256);
    expect(filesOf(api)).toEqual([`${sha256}.json`, `${sha256}.prepared`]);
  });

  it('leaves nothing of an upload whose client goes away, and ends what read it', async () => {
    const whenOpen = (request: ReturnType<typeof httpRequest>) =>
      void expect
        .poll(() => filesOf(api).length, { interval: 5 })
        .toBe(1)
        .then(() => request.destroy());
    const sending = send(api, 'broken?format=csv', (request) => {
      request.setHeader('content-length', 2 * CSV.length);
      request.write(CSV);
      whenOpen(request);
    });
    await expect(sending).rejects.toThrow();
    await expect.poll(() => filesOf(api)).toEqual([]);
    // While it is read.
    const rows = Array.from({ length: 60_000 }, (_, i) => `${i},${i * 2},c${i % 2}`).join('\n');
    const reading = send(api, 'broken?format=csv', (request) => {
      request.end(rows);
      whenOpen(request);
    });
    await expect(reading).rejects.toThrow();
    await expect.poll(() => filesOf(api)).toEqual([]);
    expectProblem(await api.request({ url: '/datasets/broken' }), 404, 'dataset_not_found');
  });
});

describe('the uploads of one owner', () => {
  const keyed = openApi({ auth: 'keys', quotas: quotasFor('keys', {}) });

  it('leave places for those of others, and a third comes when one has ended', async () => {
    const key = async (owner: string) =>
      (
        await new ApiKeys(keyed.redis, keyed.keys).create({
          name: 'k',
          owner,
          role: 'writer',
          lifetimeMs: undefined,
        })
      ).text;
    const [alice, bob] = await Promise.all([key('alice'), key('bob')]);
    const as = (holder: string) => ({ authorization: `Bearer ${holder}` });
    const uploads = () => filesOf(keyed).filter((file) => file.startsWith('.upload-')).length;
    const open: ReturnType<typeof httpRequest>[] = [];
    const [first, second] = ['one', 'two'].map((name) =>
      send(keyed, `${name}?format=csv`, (request) => {
        request.setHeader('authorization', `Bearer ${alice}`);
        request.write(CSV);
        open.push(request);
      }),
    );
    await expect.poll(uploads, { interval: 5 }).toBe(2);
    const refused = await put('three?format=csv', CSV, as(alice), keyed);
    expect(expectProblem(refused, 429, 'quota_exceeded').detail).toBe(
      '2 of your uploads are under way, and no more may be at a time. Retry when one has ended.',
    );
    expect(refused.headers['retry-after']).toBe('5');
    expect((await put('one?format=csv', CSV, as(bob), keyed)).statusCode).toBe(201);
    open[0]!.end();
    expect((await first!).status).toBe(201);
    expect((await put('three?format=csv', CSV, as(alice), keyed)).statusCode).toBe(201);
    open[1]!.end();
    expect((await second!).status).toBe(201);
  });
});

describe('an upload that waits for another to be read', () => {
  it('leaves nothing and gives up its place as soon as its client goes away', async () => {
    const uploads = () => filesOf(api).filter((file) => file.startsWith('.upload-'));
    const rows = Array.from({ length: 200_000 }, (_, i) => `${i},${i * 2},c${i % 2}`).join('\n');
    let isFirstDone = false;
    const first = put('long?format=csv', rows).finally(() => {
      isFirstDone = true;
    });
    await expect.poll(uploads, { interval: 5 }).toHaveLength(1);
    // Its turn comes when the first has its answer.
    const second = put('longer?format=csv', `${rows}\n1,1,c1`);
    await expect.poll(uploads, { interval: 5 }).toHaveLength(2);
    const others = uploads();
    let waiting: string | undefined;
    const third = send(api, 'short?format=csv', (request) => {
      request.end(CSV);
      void expect
        .poll(uploads, { interval: 5 })
        .toHaveLength(3)
        .then(() => {
          waiting = uploads().find((folder) => !others.includes(folder));
          request.destroy();
        });
    });
    await expect(third).rejects.toThrow();
    expect(waiting).toBeDefined();
    await expect.poll(uploads, { interval: 5, timeout: 30_000 }).not.toContain(waiting);
    expect(isFirstDone).toBe(false);
    expect([(await first).statusCode, (await second).statusCode]).toEqual([201, 201]);
    for (const name of ['long', 'longer']) expect((await remove(name)).statusCode).toBe(204);
  });
});

describe('a job on an uploaded dataset', () => {
  it('keeps it from being deleted until it has ended, and is told what there is', async () => {
    await put('flowers?format=csv', CSV);
    const spec = { dataset: 'flowers', training: { epochs: 1, batch_size: 2, validation_split: 0 } };
    const job = await api.create(spec);
    expect(job.spec.dataset).toBe('flowers');
    const plan = await api.request({
      method: 'POST',
      url: '/jobs/validate',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(spec),
    });
    expect(plan.statusCode, plan.body).toBe(200);
    const token = await api.start(job.id);
    const used = expectProblem(await remove('flowers'), 409, 'dataset_in_use');
    expect(used.detail).toContain(job.id);
    await api.transitions.finish(job.id, token, SUCCESS);
    expect((await remove('flowers')).statusCode).toBe(204);
    expect((await api.request({ url: `/jobs/${job.id}` })).json()).toMatchObject({ status: 'succeeded' });
    const { detail } = expectProblem(await api.post(spec), 422, 'validation_failed');
    expect(detail).toMatch(
      /^\/dataset must be the name of a dataset: mnist, .*; you have uploaded none \(PUT \/datasets\/\{name\}\); got "flowers"$/,
    );
    await put('others?format=csv', CSV);
    expect(expectProblem(await api.post(spec), 422, 'validation_failed').detail).toContain(
      '; or yours: others; got',
    );
  });

  it('is answered again for its Idempotency-Key, though the dataset is gone', async () => {
    await put('flowers?format=csv', CSV);
    const spec = { dataset: 'flowers', training: { epochs: 1, batch_size: 2 } };
    const key = { 'idempotency-key': 'once' };
    const first = await api.post(spec, key);
    expect(first.statusCode, first.body).toBe(202);
    await api.request({ method: 'POST', url: `/jobs/${first.json().id}/cancel` });
    await remove('flowers');
    const again = await api.post(spec, key);
    expect(again.statusCode).toBe(202);
    expect(again.body).toBe(first.body);
    expectProblem(await api.post(spec, { 'idempotency-key': 'twice' }), 422, 'validation_failed');
  });

  it('is refused when its spec does not fit the data', async () => {
    await put('flowers?format=csv', CSV);
    const { errors } = expectProblem(await api.post({ dataset: 'flowers' }), 422, 'validation_failed');
    expect(errors![0]!.pointer).toBe('/training/batch_size');
  });
});

describe('built-in datasets', () => {
  it('are shown, have rows, and cannot be deleted', async () => {
    const moons = await api.request({ url: '/datasets/moons' });
    expect(moons.json()).toMatchObject({
      object: 'dataset',
      built_in: true,
      columns: null,
      options: {},
      source: null,
    });
    const rows = await api.request({ url: '/datasets/moons/rows?limit=2' });
    expect(rows.json()).toMatchObject({ split: 'test', has_more: true });
    expect(rows.json<DatasetRows>().data.map(({ target }) => target)).toEqual(['upper', 'lower']);
    expectProblem(await remove('moons'), 409, 'dataset_in_use');
    expectProblem(await api.request({ url: '/datasets/none' }), 404, 'dataset_not_found');
    expectProblem(await api.request({ url: '/datasets/none/rows' }), 404, 'dataset_not_found');
  });
});

/** A request over a socket, with a body that `write` sends; its answer. */
async function send(
  { url }: Api,
  path: string,
  write: (request: ReturnType<typeof httpRequest>) => void,
): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest(`${url}/datasets/${path}`, { method: 'PUT' }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode!, body }));
      response.once('error', reject);
    });
    request.once('error', reject);
    write(request);
  });
}
