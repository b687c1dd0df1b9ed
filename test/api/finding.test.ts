import { beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { JobListSchema } from '../../src/contract/job.ts';
import { successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

type JobList = z.output<typeof JobListSchema>;

const api = openApi();

/** Ids by what they are: two succeeded jobs of a sweep, a queued one, and one with hostile texts. */
const ids: Record<'good' | 'better' | 'waiting' | 'hostile', string> = {
  good: '',
  better: '',
  waiting: '',
  hostile: '',
};

async function succeed(spec: object, accuracy: number): Promise<string> {
  const { id, token } = await api.running(spec);
  const success = successOf(0);
  const result = { ...success.result, test: { loss: 0.1, accuracy } };
  await api.transitions.finish(id, token, { ...success, result });
  return id;
}

beforeAll(async () => {
  const sweep = { dataset: 'mnist_sample', metadata: { sweep: 'rates' } };
  ids.good = await succeed({ ...sweep, name: 'rate 0.01', optimizer: { type: 'sgd' } }, 0.9);
  ids.better = await succeed({ ...sweep, name: 'rate 0.1', optimizer: { type: 'adam' } }, 0.95);
  ids.waiting = (await api.create({ name: 'waits', optimizer: { type: 'adam', learning_rate: 0.5 } })).id;
  ids.hostile = (await api.create({ name: '=1+1', metadata: { '-a,b': '"x"\r\n@y' } })).id;
});

const get = async (query: string) => await api.request({ url: `/jobs?${query}` });
const found = async (query: string) =>
  (await get(query))
    .json<JobList>()
    .data.map(({ id }) => Object.entries(ids).find(([, each]) => each === id)?.[0]);

describe('GET /jobs finds', () => {
  it.each([
    ['', ['hostile', 'waiting', 'better', 'good']],
    ['status=succeeded', ['better', 'good']],
    ['status=succeeded,queued&sort=created_at', ['good', 'better', 'waiting', 'hostile']],
    ['status=queued,queued', ['hostile', 'waiting']],
    ['name=rate', ['better', 'good']],
    ['name=rate%200.01', ['good']],
    ['name=ate', []],
    ['metadata[sweep]=rates', ['better', 'good']],
    ['metadata%5Bsweep%5D=rates&optimizer=sgd', ['good']],
    ['metadata[sweep]=rate', []],
    [`metadata[-a,b]=${encodeURIComponent('"x"\r\n@y')}`, ['hostile']],
    ['optimizer=adam', ['waiting', 'better']],
    ['dataset=mnist', ['hostile', 'waiting']],
    ['engine=reference', ['better', 'good']],
    ['test_accuracy=gt:0.9', ['better']],
    ['test_accuracy=gte:0.9&test_accuracy=lt:0.95', ['good']],
    ['test_accuracy=0.95', ['better']],
    ['learning_rate=0.5', ['waiting']],
    ['parameters=gt:1&sort=-test_accuracy', ['better', 'good', 'hostile', 'waiting']],
    ['sort=test_accuracy', ['good', 'better', 'waiting', 'hostile']],
    ['created_after=2020-01-01&created_before=2020-01-02T00:00:00%2B02:00', []],
    ['created_after=2020-01-01&sort=-test_accuracy&optimizer=adam', ['better', 'waiting']],
  ])('%s', async (query, wanted) => {
    expect(await found(query)).toEqual(wanted);
  });

  it('the jobs of each page once, whatever they are sorted by', async () => {
    for (const sort of ['created_at', '-created_at', 'test_accuracy', '-test_accuracy', 'val_loss']) {
      const whole = await found(`sort=${sort}`);
      const paged: unknown[] = [];
      for (let next: string | null = `/jobs?sort=${sort}&limit=1&_=1`; next !== null; ) {
        const response = await api.request({ url: next });
        const page: JobList = response.json();
        paged.push(...page.data.map(({ id }) => Object.entries(ids).find(([, each]) => each === id)?.[0]));
        expect(response.headers.link).toBe(page.next === null ? undefined : `<${page.next}>; rel="next"`);
        next = page.next;
      }
      expect(paged).toEqual(whole);
    }
  });

  it('nothing that another owner has, or that nobody has', async () => {
    expect(await found('owner=alice&metadata[sweep]=rates')).toEqual([]);
  });
});

describe('GET /jobs as a table', () => {
  it('has a line for each job, as CSV and as NDJSON', async () => {
    const csv = await get('format=csv&sort=created_at');
    expect(csv.headers['content-type']).toContain('text/csv');
    const [head, ...lines] = csv.body.trimEnd().split('\r\n');
    const names = head!.split(',');
    expect(names.slice(0, 3)).toEqual(['id', 'name', 'status']);
    for (const name of ['params.optimizer.type', 'metrics.test_accuracy', 'tags.sweep'])
      expect(names).toContain(name);
    expect(lines[0]!.split(',')[names.indexOf('metrics.test_accuracy')]).toBe('0.9');
    // A spreadsheet takes none of these for a formula.
    expect(csv.body).toContain(",'=1+1,");
    expect(csv.body).toContain('"tags.-a,b"');
    expect(csv.body).toContain('"""x""\r\n@y"');
    const lone = await get('format=ndjson&name=rate%200.1');
    expect(JSON.parse(lone.body)).toMatchObject({
      id: ids.better,
      'params.optimizer.type': 'adam',
      'params.model.hidden_units': '[128,64]',
      'metrics.test_accuracy': 0.95,
      'metrics.best_val_loss': null,
      'tags.sweep': 'rates',
    });
  });

  it('has a head without jobs, and links to the next page', async () => {
    expect((await get('format=csv&name=nobody')).body).toMatch(/^id,name,status,[^\r\n]+\r\n$/);
    expect((await get('format=ndjson&name=nobody')).body).toBe('');
    expect((await get('format=csv&limit=1')).headers.link).toMatch(/^<\/jobs\?format=csv&limit=1&after=/);
  });
});

describe('GET /jobs refuses', () => {
  it.each([
    ['test_accuracy=', '/test_accuracy/0', 'must be a number, or gte:, lte:, gt: or lt: and a number'],
    ['test_accuracy=eq:1', '/test_accuracy/0', 'must be a number, or gte:'],
    ['test_accuracy=1e999', '/test_accuracy/0', 'must be a number'],
    ['val_loss=nan', '/val_loss/0', 'must be a number'],
    ['val_loss=1&val_loss=2&val_loss=3', '/val_loss', ''],
    ['metadata[a]=1&metadata[a]=2', '/metadata/a', ''],
    ['metadata=x', '/metadata', ''],
    ['metadata[]=x', '/metadata[]', 'is unknown'],
    // A filter that is dropped would show all jobs.
    ['metadata[__proto__]=x', '/metadata[__proto__]', 'is unknown'],
    ['status=succeeded,', '/status', 'must be one or more of'],
    [
      'created_after=yesterday',
      '/created_after',
      'ISO 8601 with its zone, such as 2026-11-29T08:30:00Z, or a date',
    ],
    ['created_after=2026-11-29T08:30:00', '/created_after', 'with its zone'],
    ['sort=loss', '/sort', ''],
    ['after=x', '/after', 'must be the `after` in the `next`'],
    ['name=', '/name', ''],
    ['optimizer=Adam', '/optimizer', ''],
    ['limit=1001', '/limit', ''],
  ])('%s', async (query, pointer, detail) => {
    const { errors } = expectProblem(await get(query), 422, 'validation_failed');
    expect(errors).toMatchObject([{ in: 'query', pointer, detail: expect.stringContaining(detail) }]);
  });
});
