import { describe, expect, it } from 'vitest';
import { EVALUATION } from '../../src/api/openapi/examples.ts';
import { epochReport, metricsOf, newJobId, SUCCESS, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

describe('metrics', () => {
  it('are an empty list before the first epoch, then one row per epoch, and final once the job ends', async () => {
    const { id } = await api.create();
    const url = `/jobs/${id}/metrics`;
    const read = async (query = '') => (await api.request({ url: `${url}${query}` })).json();
    expect(await read()).toEqual({ object: 'list', data: [], status: 'queued', terminal: false });
    const token = await api.start(id);
    await api.transitions.epoch(id, token, epochReport(1));
    await api.transitions.epoch(id, token, epochReport(2));
    expect(await read()).toEqual({
      object: 'list',
      data: [
        { ...metricsOf(1), seq: 3 },
        { ...metricsOf(2), seq: 4 },
      ],
      status: 'running',
      terminal: false,
    });
    expect((await read('?after=3')).data).toEqual([{ ...metricsOf(2), seq: 4 }]);
    await api.transitions.finish(id, token, successOf(2));
    expect(await read('?after=4')).toEqual({ object: 'list', data: [], status: 'succeeded', terminal: true });
  });

  it('are CSV with empty fields for null, by format or by Accept; format wins', async () => {
    const { id, token } = await api.running();
    await api.transitions.epoch(id, token, epochReport(1));
    const csv =
      'epoch,step,loss,accuracy,val_loss,val_accuracy,learning_rate,duration_seconds,steps_per_second,seq\r\n' +
      '1,100,1,0.5,,,0.001,0.1,1000,3\r\n';
    const read = (query: string, accept = '*/*') =>
      api.request({ url: `/jobs/${id}/metrics${query}`, headers: { accept } });
    for (const response of [
      await read('?format=csv'),
      await read('', 'text/csv'),
      await read('?format=csv', 'text/html'),
    ]) {
      expect(response.body).toBe(csv);
      expect(response.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
      expect(response.headers.vary).toContain('accept');
    }
    expect((await read('?format=json', 'text/csv')).json().data).toHaveLength(1);
    expectProblem(await read('', 'text/html'), 406, 'not_acceptable');
  });
});

describe('the evaluation', () => {
  async function succeeded(text: string): Promise<string> {
    const { id, token } = await api.running();
    const evaluation = await api.artifacts.write(id, '1-evaluation.json', Buffer.from(text));
    await api.transitions.finish(id, token, { ...SUCCESS, evaluation });
    return id;
  }

  it('gets 404 with the reason before the job ends', async () => {
    const { id } = await api.running();
    const problem = expectProblem(
      await api.request({ url: `/jobs/${id}/evaluation` }),
      404,
      'not_available_yet',
    );
    expect(problem.detail).toContain('running');
    const failed = expectProblem(
      await api.request({ url: `/jobs/${await api.failed()}/evaluation` }),
      404,
      'not_found',
    );
    expect(failed.detail).toContain('failed');
  });

  it('is the file that the record names, and 304 for a client that has it', async () => {
    const text = JSON.stringify(EVALUATION);
    const url = `/jobs/${await succeeded(text)}/evaluation`;
    const response = await api.request({ url });
    expect(response.body).toBe(text);
    const etag = String(response.headers.etag);
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await api.request({ url, headers: { 'if-none-match': header } });
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    }
    const other = await api.request({ url, headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
  });

  it('whose file is missing is a fault of the installation, with the details only in the log', async () => {
    const id = await succeeded(JSON.stringify(EVALUATION));
    await api.artifacts.remove(id);
    const response = await api.app.inject({ url: `/jobs/${id}/evaluation`, headers: { host: 'localhost' } });
    const problem = expectProblem(response, 500, 'internal');
    expect(problem.detail).toContain(response.headers['request-id']);
    expect(response.body).not.toContain('evaluation');
  });
});

describe('charts', () => {
  it('are available at any time, with an ETag that changes with each epoch', async () => {
    const { id, token } = await api.running({
      name: '<script>alert(1)</script> & "friends"',
      dataset: 'mnist_sample',
    });
    const url = `/jobs/${id}/charts/loss.svg`;
    const empty = await api.request({ url });
    expect(empty.headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'private, no-cache',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect(empty.body).toContain('no epochs yet');
    expect(empty.body).not.toContain('<script>');
    const have = { 'if-none-match': String(empty.headers.etag) };
    expect((await api.request({ url, headers: have })).statusCode).toBe(304);
    await api.transitions.epoch(id, token, epochReport(1));
    const first = await api.request({ url, headers: have });
    expect(first.statusCode).toBe(200);
    expect(first.body).not.toContain('no epochs yet');
    await api.transitions.finish(id, token, successOf(1));
    const last = await api.request({ url: `/jobs/${id}/charts/accuracy.svg?cache=1` });
    expect(last.headers['cache-control']).toBe('private, no-cache');
    expect(last.body).toContain('Training Accuracy');
  });

  it('get 404 for a job that does not exist', async () => {
    for (const chart of ['loss', 'accuracy']) {
      expectProblem(
        await api.request({ url: `/jobs/${newJobId()}/charts/${chart}.svg` }),
        404,
        'job_not_found',
      );
    }
    const { id } = await api.create();
    expectProblem(await api.request({ url: `/jobs/${id}/charts/confusion.svg` }), 404, 'not_found');
  });
});
