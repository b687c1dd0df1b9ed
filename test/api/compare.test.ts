import { beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../src/contract/comparison.ts';
import { epochReport, metricsOf, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

const SPEC = { dataset: 'mnist_sample', training: { epochs: 4 } };
let ids: string[];

/** A job that has this many epochs, and has ended if it says so. */
async function jobOf(
  spec: object,
  epochs: number,
  result?: { loss: number; accuracy: number },
): Promise<string> {
  const { id, token } = await api.running({ ...SPEC, ...spec });
  for (let epoch = 1; epoch <= epochs; epoch += 1) await api.transitions.epoch(id, token, epochReport(epoch));
  if (result === undefined) return id;
  const finish = successOf(epochs);
  await api.transitions.finish(id, token, { ...finish, result: { ...finish.result, test: result } });
  return id;
}

beforeAll(async () => {
  ids = [
    await jobOf({ name: 'a, "quoted"' }, 3, { loss: 0.3, accuracy: 0.9 }),
    await jobOf({ name: '=1+1', optimizer: { type: 'sgd' } }, 1),
    await jobOf({ name: 'same', metadata: { k: 'v' } }, 2, { loss: 0.2, accuracy: 0.95 }),
    await jobOf({ name: 'same', training: { epochs: 4, seed: 7 } }, 0),
  ];
});

const get = (query: string) => api.request({ url: `/compare?jobs=${query}` });

describe('a comparison', () => {
  it('says what differs and what does not, with curves of equal length and the order', async () => {
    const comparison = (await get(ids.join())).json<Comparison>();
    expect(comparison.jobs.map(({ id, status }) => [id, status])).toEqual([
      [ids[0], 'succeeded'],
      [ids[1], 'running'],
      [ids[2], 'succeeded'],
      [ids[3], 'running'],
    ]);
    expect(comparison.different).toMatchObject({
      'optimizer.type': ['rmsprop', 'sgd', 'rmsprop', 'rmsprop'],
      'optimizer.rho': [0.9, null, 0.9, 0.9],
      'training.seed': [42, 42, 42, 7],
    });
    expect(comparison.same).toMatchObject({
      dataset: 'mnist_sample',
      'model.hidden_units': [128, 64],
      'training.epochs': 4,
    });
    expect(Object.keys({ ...comparison.same, ...comparison.different }).join()).not.toMatch(/name|metadata/);
    expect(comparison.epochs).toEqual([1, 2, 3]);
    const { loss } = metricsOf(1);
    expect(comparison.curves.loss).toEqual([
      [loss, loss, loss, null],
      [metricsOf(2).loss, null, metricsOf(2).loss, null],
      [metricsOf(3).loss, null, null, null],
    ]);
    expect(comparison.order).toMatchObject({ test_accuracy: [ids[2], ids[0]], test_loss: [ids[2], ids[0]] });
  });

  it('has an ETag that changes with any of its jobs and with the form', async () => {
    const id = await jobOf({}, 1);
    const { headers } = await get(`${ids[0]},${id}`);
    const again = (query: string) =>
      api.request({ url: `/compare?jobs=${query}`, headers: { 'if-none-match': String(headers.etag) } });
    expect((await again(`${ids[0]},${id}`)).statusCode).toBe(304);
    expect((await again(`${ids[0]},${id}&format=csv`)).statusCode).toBe(200);
    expect((await again(`${id},${ids[0]}`)).statusCode).toBe(200);
    await api.store.cancel('local', id);
    expect((await again(`${ids[0]},${id}`)).statusCode).toBe(200);
  });

  it('is CSV with a line for each job and epoch, or a column for each job', async () => {
    const long = await get(`${ids.slice(0, 2).join()}&format=csv`);
    expect(long.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    const row = (epoch: number) => {
      const { loss, accuracy, val_loss, val_accuracy } = metricsOf(epoch);
      return [epoch, loss, accuracy, val_loss ?? '', val_accuracy ?? '', '', ''].join();
    };
    expect(long.body.split('\r\n')).toEqual([
      'job,name,epoch,loss,accuracy,val_loss,val_accuracy,mae,val_mae',
      ...[1, 2, 3].map((epoch) => `${ids[0]},"a, ""quoted""",${row(epoch)}`),
      `${ids[1]},'=1+1,${row(1)}`,
      '',
    ]);
    const wide = await get(`${ids.join()}&format=csv&shape=wide&metric=loss`);
    const [head, first] = wide.body.split('\r\n');
    expect(head).toBe(`epoch,"a, ""quoted""",'=1+1,${ids[2]},${ids[3]}`);
    const { loss } = metricsOf(1);
    expect(first).toBe(`1,${loss},${loss},${loss},`);
  });
});

describe('a chart of several jobs', () => {
  const chart = (query: string, headers: Record<string, string> = {}) =>
    api.request({ url: `/compare/charts/${query}`, headers });

  it('has a line for each job and its name, or its id where that is not enough', async () => {
    const { headers, body } = await chart(`loss.svg?jobs=${ids}`);
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'private, no-cache',
      'cross-origin-resource-policy': 'cross-origin',
    });
    const texts = ['a, &quot;quoted&quot;', '=1+1', ids[2], `${ids[3]} (no values)`];
    for (const text of texts) expect(body).toContain(`>${text}</text>`);
    expect(body).toContain('Training Loss');
    expect(body.match(/<circle/g)).toHaveLength(3);
    // None of them has validation rows.
    for (const curve of ['val_loss', 'val_accuracy']) {
      expect((await chart(`${curve}.svg?jobs=${ids}`)).body).toContain('>no values</text>');
    }
  });

  it('has an ETag that changes with the epochs of any job, and with the scale', async () => {
    const { id, token } = await api.running(SPEC);
    const url = `accuracy.svg?jobs=${ids[0]},${id}`;
    const have = { 'if-none-match': String((await chart(url)).headers.etag) };
    const again = await chart(url, have);
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await chart(`${url}&scale=log`, have)).statusCode).toBe(200);
    expect((await chart(`accuracy.svg?jobs=${id},${ids[0]}`, have)).statusCode).toBe(200);
    await api.transitions.epoch(id, token, epochReport(1));
    expect((await chart(url, have)).statusCode).toBe(200);
  });

  it('thins long histories without losing their peaks', async () => {
    const long = await api.running({ training: { epochs: 300 } });
    for (let epoch = 1; epoch <= 300; epoch += 1) {
      const metrics = { ...metricsOf(epoch), accuracy: epoch === 144 ? 1 : 0.5 };
      await api.transitions.epoch(long.id, long.token, { ...epochReport(epoch), metrics });
    }
    const fifty = [long.id];
    while (fifty.length < 50) fifty.push((await api.create()).id);
    const { body } = await chart(`accuracy.svg?jobs=${fifty}`);
    const [, path] = /class="line" [^>]*d="(M[^h"]*)"/.exec(body)!;
    const points = path!.split(/[ML]/).slice(1);
    expect(points.length).toBeLessThanOrEqual(200);
    expect(points.filter((point) => point.endsWith(' 76'))).toHaveLength(1);
  });

  it('refuses other metrics and scales', async () => {
    expectProblem(await chart(`f1.svg?jobs=${ids}`), 404, 'not_found');
    const problem = expectProblem(await chart(`loss.svg?jobs=${ids}&scale=ln`), 422, 'validation_failed');
    expect(problem.errors![0]!.detail).toContain('"linear"');
  });
});

describe.each(['/compare', '/compare/charts/loss.svg'])('%s is refused', (path) => {
  const get = (query: string) => api.request({ url: `${path}?jobs=${query}` });

  it('for less than two, more than fifty and what is no id', async () => {
    for (const query of ['', ids[0]!, `${ids[0]},x`, new Array(51).fill(ids[0]).join()]) {
      expectProblem(await get(query), 422, 'validation_failed');
    }
    expectProblem(await api.request({ url: path }), 422, 'validation_failed');
  });

  it('for a job that is not there, with its id', async () => {
    const none = 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const problem = expectProblem(await get(`${ids[0]},${none}`), 404, 'job_not_found');
    expect(problem.detail).toContain(none);
  });
});
