import { describe, expect, it } from 'vitest';
import { EVALUATION } from '../../src/api/openapi/result-examples.ts';
import { encodeTensorBoard } from '../../src/export/tensorboard.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import type { Finish } from '../../src/store/job-transitions.ts';
import { encodeLog, type TrainingLog } from '../../src/training/training-log.ts';
import { epochReport, FAILURE, metricsOf, newJobId, SUCCESS, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

/** The row that the metrics have of this epoch, with the time of its event. */
async function rowOf(id: string, epoch: number, seq: number) {
  const { data } = (await api.request({ url: `/jobs/${id}/events?after=${seq - 1}&limit=1` })).json();
  return { ...metricsOf(epoch), seq, created_at: data[0].created_at };
}

/** A running job with this many epochs, of which every value is another one. */
async function trained(epochs: number) {
  const job = await api.running({ training: { epochs: 100 } });
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    const metrics = { ...metricsOf(epoch), loss: Math.abs(epoch - 20.5), val_loss: (epoch * 7) % 31 };
    await api.transitions.epoch(job.id, job.token, { ...epochReport(epoch), metrics });
  }
  return { ...job, url: `/jobs/${job.id}/metrics` };
}

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
      data: [await rowOf(id, 1, 3), await rowOf(id, 2, 4)],
      status: 'running',
      terminal: false,
    });
    expect((await read('?after=3')).data).toEqual([await rowOf(id, 2, 4)]);
    await api.transitions.finish(id, token, successOf(2));
    expect(await read('?after=4')).toEqual({ object: 'list', data: [], status: 'succeeded', terminal: true });
  });

  it('are CSV with empty fields for null, by format or by Accept; format wins', async () => {
    const { id, token } = await api.running();
    await api.transitions.epoch(id, token, epochReport(1));
    const { created_at: time } = await rowOf(id, 1, 3);
    const csv =
      'epoch,step,loss,accuracy,val_loss,val_accuracy,mae,val_mae,learning_rate,duration_seconds,steps_per_second,seq,created_at\r\n' +
      `1,100,1,0.5,,,,,0.001,0.1,1000,3,${time}\r\n`;
    const read = (query: string, accept = '*/*') =>
      api.request({ url: `/jobs/${id}/metrics${query}`, headers: { accept } });
    for (const response of [
      await read('?format=csv'),
      await read('', 'text/csv'),
      await read('?format=csv', 'text/html'),
    ]) {
      expect(response.body).toBe(csv);
      expect(response.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    }
    expect((await read('')).headers.vary).toContain('Accept');
    expect((await read('?format=json', 'text/csv')).json().data).toHaveLength(1);
    expectProblem(await read('', 'text/html'), 406, 'not_acceptable');
  });

  it('are the same rows in every form', async () => {
    const { url, id } = await trained(3);
    const rows = (await api.request({ url })).json().data;
    const columns = (await api.request({ url: `${url}?format=columns` })).json();
    expect(columns).toMatchObject({ object: 'columns', status: 'running', terminal: false });
    expect(Object.keys(columns.columns)).toEqual(Object.keys(rows[0]));
    for (const [name, values] of Object.entries(columns.columns))
      expect(values).toEqual(rows.map((row: Record<string, unknown>) => row[name]));

    const ndjson = await api.request({ url, headers: { accept: 'application/x-ndjson' } });
    expect(ndjson.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    expect(ndjson.body.endsWith('}\n')).toBe(true);
    const lines = ndjson.body.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);

    const { rawPayload, headers } = await api.request({ url: `${url}?format=tensorboard` });
    expect(headers).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename="${id}-tensorboard.zip"`,
    });
    expect(rawPayload.equals(encodeTensorBoard(rows))).toBe(true);
  });

  it('before the first epoch are empty in every form, never an error', async () => {
    const { url } = await trained(0);
    const read = async (format: string) => await api.request({ url: `${url}?format=${format}&max_points=2` });
    expect((await read('json')).json().data).toEqual([]);
    expect((await read('columns')).json().columns.loss).toEqual([]);
    expect((await read('csv')).body).toMatch(/^epoch,.*\r\n$/);
    expect((await read('ndjson')).body).toBe('');
    expect((await read('tensorboard')).rawPayload.equals(encodeTensorBoard([]))).toBe(true);
  });

  it('are thinned to max_points, with the ends and extremes as they were, after `after`', async () => {
    const { url } = await trained(40);
    const rows: { seq: number }[] = (await api.request({ url })).json().data;
    const thinned = async (query: string) => (await api.request({ url: `${url}?${query}` })).json().data;
    expect(await thinned('max_points=40')).toEqual(rows);
    const six = await thinned('max_points=6');
    expect(six.length).toBeLessThanOrEqual(6);
    expect(rows).toEqual(expect.arrayContaining(six));
    // 1 and 40 are the ends, 20 has the smallest loss, 31 and 22 the smallest and the largest val_loss.
    const epochs = six.map(({ epoch }: { epoch: number }) => epoch);
    expect(epochs).toEqual(expect.arrayContaining([1, 20, 22, 31, 40]));
    const later = await thinned(`max_points=2&after=${rows[9]!.seq}`);
    expect(later).toEqual([rows[10], rows[39]]);
    const lines = (await api.request({ url: `${url}?max_points=6&format=ndjson` })).body;
    expect(lines).toBe(six.map((row: object) => `${JSON.stringify(row)}\n`).join(''));
  });

  it('have an ETag for each form and query, with which a poll gets a 304', async () => {
    const { url, id, token } = await trained(2);
    const forms = ['json', 'columns', 'csv', 'ndjson', 'tensorboard'];
    const queries = forms.flatMap((form) =>
      ['', '&after=3', '&max_points=3', '&after=3&max_points=3'].map(
        (more) => `${url}?format=${form}${more}`,
      ),
    );
    const etags: string[] = [];
    for (const query of queries) etags.push(String((await api.request({ url: query })).headers.etag));
    expect(new Set(etags).size).toBe(queries.length);
    const poll = async (i: number, etag: string) =>
      (await api.request({ url: queries[i]!, headers: { 'if-none-match': etag } })).statusCode;
    for (const [i, etag] of etags.entries()) {
      expect([await poll(i, etag), await poll(i, `W/${etag}`)]).toEqual([304, 304]);
    }
    await api.transitions.epoch(id, token, epochReport(3));
    for (const [i, etag] of etags.entries()) expect(await poll(i, etag)).toBe(200);
  });
});

/** A job with this evaluation. */
async function evaluated(text: string, spec?: object): Promise<string> {
  const { id, token } = await api.running(spec);
  const evaluation = await api.artifacts.write(id, '1-evaluation.json', Buffer.from(text));
  await api.transitions.finish(id, token, { ...SUCCESS, evaluation });
  return id;
}

describe.each(['evaluation', 'charts/confusion.svg'])('the %s', (path) => {
  it('gets 404 with the reason before the job ends', async () => {
    const { id } = await api.running();
    const problem = expectProblem(
      await api.request({ url: `/jobs/${id}/${path}` }),
      404,
      'not_available_yet',
    );
    expect(problem.detail).toContain('running');
    const failed = expectProblem(
      await api.request({ url: `/jobs/${await api.failed()}/${path}` }),
      404,
      'not_found',
    );
    expect(failed.detail).toContain('failed');
    expectProblem(await api.request({ url: `/jobs/${newJobId()}/${path}` }), 404, 'job_not_found');
  });

  it('is made of the file that the record names, and 304 for a client that has it', async () => {
    const text = JSON.stringify(EVALUATION);
    const url = `/jobs/${await evaluated(text)}/${path}`;
    const response = await api.request({ url });
    expect(response.statusCode).toBe(200);
    if (path === 'evaluation') expect(response.body).toBe(text);
    const etag = String(response.headers.etag);
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await api.request({ url, headers: { 'if-none-match': header } });
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    }
    const other = await api.request({ url, headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
  });

  it('whose file is missing is a 503 that says what to do, with the name only in the log', async () => {
    const id = await evaluated(JSON.stringify(EVALUATION));
    await api.artifacts.remove(id);
    const response = await api.app.inject({ url: `/jobs/${id}/${path}`, headers: { host: 'localhost' } });
    const problem = expectProblem(response, 503, 'file_unavailable');
    expect(problem.detail).toContain('DATA_DIR');
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
    expectProblem(await api.request({ url: `/jobs/${id}/charts/roc.svg` }), 404, 'not_found');
  });

  it('include the confusion matrix, which pages of other sites may embed as well', async () => {
    const id = await evaluated(JSON.stringify({ ...EVALUATION, later: 'field' }), { name: '<b> & "c"' });
    const { body, headers } = await api.request({ url: `/jobs/${id}/charts/confusion.svg` });
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect(body).toContain('<title id="title">Confusion Matrix: &lt;b&gt; &amp; &quot;c&quot;</title>');
    expect(body).toContain('75 % of 4 test rows are right.');
    const { links } = (await api.request({ url: `/jobs/${id}` })).json();
    expect(links.confusion_chart).toBe(`/jobs/${id}/charts/confusion.svg`);
  });
});

describe('the training log', () => {
  const step = (k: number, changes = {}) => ({
    epoch: 1,
    step: 10 * k,
    loss: 1 / k,
    accuracy: 0.5,
    mae: null,
    gradient_norm: k,
    ...changes,
  });
  const layer = { units: 10, gradient_norm: 0.5, update_ratio: -2.5, dead_units: null };
  const verdict = {
    rule: 'stuck',
    epoch: 1,
    layer: null,
    detail: 'The loss stays.',
    figures: { loss: 2.3 },
  } as const;
  const log = {
    steps: [step(1), step(2, { gradient_norm: null }), step(3)],
    epochs: [{ epoch: 1, layers: [layer] }],
    effective_rates: [Array.from({ length: 16 }, (_, k) => k)],
    verdicts: [verdict],
  };

  /** A running job whose first epoch has a log and a verdict. */
  async function logged(written: TrainingLog = log) {
    const job = await api.running();
    const file = await api.artifacts.write(job.id, '1-1.log', encodeLog(written));
    const checkpoints = [{ name: '1-1.ckpt', sha256: 'e'.repeat(64), epoch: 1 }];
    const verdicts = [...written.verdicts];
    await api.transitions.epoch(job.id, job.token, { ...epochReport(1), checkpoints, log: file, verdicts });
    return { ...job, file };
  }

  const steps = (id: string, query = '') =>
    api.request({ url: `/jobs/${id}/metrics?granularity=step${query}` });

  it('is empty before the first checkpoint', async () => {
    const { id } = await api.create();
    expect((await steps(id)).json()).toEqual({
      object: 'steps',
      data: [],
      status: 'queued',
      terminal: false,
    });
    const doctor = (await api.request({ url: `/jobs/${id}/doctor` })).json();
    expect(doctor).toMatchObject({ object: 'doctor', epochs: [], verdicts: [], effective_rates: null });
  });

  it('has its steps in every form', async () => {
    const { id } = await logged();
    expect((await steps(id)).json()).toEqual({
      object: 'steps',
      data: log.steps,
      status: 'running',
      terminal: false,
    });
    expect((await steps(id, '&after=10')).json().data).toEqual(log.steps.slice(1));
    expect((await steps(id, '&max_points=2')).json().data).toEqual([step(1), step(3)]);
    expect((await steps(id, '&format=csv')).body).toBe(
      'epoch,step,loss,accuracy,mae,gradient_norm\r\n1,10,1,0.5,,1\r\n1,20,0.5,0.5,,\r\n1,30,0.3333333333333333,0.5,,3\r\n',
    );
    const lines = (await steps(id, '&format=ndjson')).body.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(log.steps);
    const { columns, object } = (await steps(id, '&format=columns')).json();
    expect(object).toBe('step_columns');
    expect(columns.gradient_norm).toEqual([1, null, 3]);
    const zip = (await steps(id, '&format=tensorboard')).rawPayload;
    for (const tag of ['batch_loss', 'batch_accuracy', 'gradient_norm']) expect(zip.includes(tag)).toBe(true);
    expectProblem(await steps(id, '&granularity=batch'), 422, 'validation_failed');
  });

  it('has what the doctor sees, and a verdict is an event', async () => {
    const { id } = await logged();
    const { epochs, effective_rates, verdicts, rate_borders } = (
      await api.request({ url: `/jobs/${id}/doctor` })
    ).json();
    expect({ epochs, effective_rates, verdicts }).toEqual({ ...log, steps: undefined });
    expect(rate_borders).toHaveLength(15);
    const { data } = (await api.request({ url: `/jobs/${id}/events` })).json();
    expect(data.map(({ type }: { type: string }) => type)).toEqual([
      'job.queued',
      'job.running',
      'job.epoch',
      'job.verdict',
    ]);
    expect(data.at(-1)).toMatchObject({ seq: 4, data: verdict });
  });

  it('is told again only when it changes', async () => {
    const { id, token } = await logged();
    const tags = new Set<string>();
    for (const path of [
      'metrics?granularity=step',
      'metrics?granularity=step&format=csv',
      'doctor',
      'metrics',
    ]) {
      const { etag } = (await api.request({ url: `/jobs/${id}/${path}` })).headers;
      tags.add(etag as string);
      const again = await api.request({
        url: `/jobs/${id}/${path}`,
        headers: { 'if-none-match': etag as string },
      });
      expect([again.statusCode, again.body]).toEqual([304, '']);
    }
    expect(tags.size).toBe(4);
    const { etag } = (await steps(id)).headers;
    await api.transitions.finish(id, token, FAILURE);
    const ended = await api.request({
      url: `/jobs/${id}/metrics?granularity=step`,
      headers: { 'if-none-match': etag as string },
    });
    expect(ended.json()).toMatchObject({ data: log.steps, status: 'failed', terminal: true });
  });

  it('stays after the job was packed', async () => {
    const { id, token } = await logged();
    await api.transitions.finish(id, token, {
      ...FAILURE,
      verdicts: [{ ...verdict, rule: 'diverging' }],
    } as Finish);
    await api.redis.zadd(api.keys.finished, 1, id);
    await new JobPacker(api.redis, api.keys).packFinished();
    expect((await steps(id)).json().data).toEqual(log.steps);
    const { data } = (await api.request({ url: `/jobs/${id}/events` })).json();
    expect(data.slice(-2).map(({ type }: { type: string }) => type)).toEqual(['job.verdict', 'job.failed']);
  });

  it('that is missing, damaged or of another version is a 503', async () => {
    const { id, file } = await logged();
    await api.artifacts.removeFile(id, file.name);
    expectProblem(await steps(id), 503, 'file_unavailable');
    expectProblem(await api.request({ url: `/jobs/${id}/doctor` }), 503, 'file_unavailable');
    const other = await api.running();
    const strange = await api.artifacts.write(other.id, '1-1.log', Buffer.from('of tomorrow'));
    const checkpoints = [{ name: '1-1.ckpt', sha256: 'e'.repeat(64), epoch: 1 }];
    await api.transitions.epoch(other.id, other.token, { ...epochReport(1), checkpoints, log: strange });
    expectProblem(await steps(other.id), 503, 'file_unavailable');
    for (const path of ['metrics?granularity=step', 'doctor'])
      expectProblem(await api.request({ url: `/jobs/${newJobId()}/${path}` }), 404, 'job_not_found');
  });
});
