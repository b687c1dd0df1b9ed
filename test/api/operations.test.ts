import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import type { WorkerReport } from '../../src/contract/worker-report.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import type { UndatedReport } from '../../src/store/worker-reports.ts';
import { expectProblem, openApi, VERSION } from './open-api.ts';

const api = openApi();

const reportOf = (changes: Partial<UndatedReport>): UndatedReport => ({
  id: 'host-a/1',
  host: 'host-a',
  pid: 1,
  version: VERSION,
  concurrency: 2,
  memory_mb: 4_000,
  started_at: '2026-11-22T10:00:00.000Z',
  problem: null,
  running: [],
  engines: [{ name: 'reference', available: true, version: VERSION, backend: null, reason: null }],
  trained: [{ engine: 'native', epochs: 20, steps: 30_000 }],
  counters: {
    jobs_started: 3,
    jobs_succeeded: 2,
    jobs_failed: 0,
    jobs_cancelled: 0,
    jobs_requeued: 0,
    trainers_crashed: 0,
    leases_lost: 0,
    epochs: 20,
  },
  ...changes,
});

describe('the installation', () => {
  it('lists the datasets with sizes, classes and hashes', async () => {
    const { data } = (await api.request({ url: '/datasets' })).json();
    expect(data.map(({ name }: { name: string }) => name)).toEqual(Object.keys(DATASETS));
    expect(data[0]).toMatchObject({
      train_rows: 60_000,
      test_rows: 10_000,
      image: { height: 28, width: 28 },
    });
    expect(data[0].files).toHaveLength(4);
    expect(data[0].classes).toHaveLength(10);
  });

  it('lists no workers and engines until a worker reports, then both', async () => {
    const read = async (url: string) => (await api.request({ url })).json().data;
    expect([await read('/workers'), await read('/engines')]).toEqual([[], []]);
    const { id } = await api.create();
    const running = [{ job: id, epoch: 1, epochs: 10, steps_per_second: 2000 }];
    await api.reports.write(reportOf({ running }));
    await api.reports.write(reportOf({ id: 'host-b/2', host: 'host-b', pid: 2 }));
    await api.reports.write(
      reportOf({
        id: 'host-c/3',
        host: 'host-c',
        pid: 3,
        engines: [{ name: 'reference', available: false, version: null, backend: null, reason: 'broken' }],
      }),
    );
    expect(await read('/workers')).toMatchObject([
      { id: 'host-a/1', running },
      { id: 'host-b/2' },
      { id: 'host-c/3' },
    ]);
    expect(await read('/engines')).toMatchObject([
      { name: 'reference', available: true, workers: ['host-a/1', 'host-b/2'] },
      { name: 'reference', available: false, reason: 'broken', workers: ['host-c/3'] },
    ]);
    const { body } = await api.request({ url: '/metrics' });
    expect(body).toContain('descent_workers 3');
    expect(body).toContain('descent_worker_slots 6');
    expect(body).toContain('descent_worker_jobs 1');
    expect(body).toContain('descent_worker_steps_total{worker="host-a/1",engine="native"} 30000');
    expect(body).toContain('descent_worker_jobs_started_total{worker="host-b/2"} 3');
  });
});

describe('operations', () => {
  it('report that the process is alive and ready', async () => {
    expect((await api.request({ url: '/livez' })).json()).toEqual({ status: 'ok', version: VERSION });
    await api.reports.write(reportOf({}));
    expect((await api.request({ url: '/readyz' })).json()).toMatchObject({
      status: 'ready',
      version: VERSION,
    });
  });

  it('report in /readyz that files cannot be read', async () => {
    await api.reports.write(reportOf({}));
    const jobs = api.artifacts.location.folder;
    const storage = async () => {
      const response = await api.request({ url: '/readyz' });
      const { storage } = response.json().checks;
      expect(response.statusCode).toBe(storage === 'ok' ? 200 : 503);
      return storage;
    };
    // No file has been written yet.
    rmSync(jobs, { recursive: true, force: true });
    expect(await storage()).toBe('ok');
    writeFileSync(jobs, '');
    expect(await storage()).toBe(`The folder ${jobs} cannot be read: ENOTDIR: not a directory.`);
    rmSync(jobs);
    mkdirSync(jobs);
    expect(await storage()).toBe('ok');
  });

  it('report in /readyz whether a worker takes jobs, and in /workers why one does not', async () => {
    for (const { id } of await api.reports.list()) await api.reports.withdraw(id);
    const workers = async () => {
      const response = await api.request({ url: '/readyz' });
      const { checks } = response.json();
      expect(checks.redis).toBe('ok');
      if (checks.workers === 'ok') expect(response.statusCode).toBe(200);
      else expect(expectProblem(response, 503, 'not_ready').detail).toBe(checks.workers);
      // For a load balancer: this process serves either way.
      const serves = await api.request({ url: '/readyz?exclude=workers' });
      expect([serves.statusCode, serves.json().checks]).toEqual([200, checks]);
      return checks.workers;
    };
    expect(await workers()).toBe('No worker is running. Jobs stay queued until one starts.');
    const problem = 'The folder /data/jobs cannot be written: EROFS: read-only file system.';
    await api.reports.write(reportOf({ problem }));
    expect(await workers()).toBe(`The only worker takes no jobs at the moment. host-a/1: ${problem}`);
    await api.reports.write(reportOf({ id: 'host-b/2', problem: 'broken' }));
    expect(await workers()).toBe(`None of the 2 workers takes jobs at the moment. host-a/1: ${problem}`);
    await api.reports.write(reportOf({ id: 'host-c/3' }));
    expect(await workers()).toBe('ok');
    const { data } = (await api.request({ url: '/workers' })).json();
    expect(data.map((report: WorkerReport) => report.problem)).toEqual([problem, 'broken', null]);
  });

  it('skip a worker report that this version cannot read, and accept one of an older or a later version', async () => {
    for (const { id } of await api.reports.list()) await api.reports.withdraw(id);
    await api.reports.write(reportOf({ id: 'host-d/4', engines: 'in another form' as never }));
    await api.reports.write({ ...reportOf({ id: 'host-d/5' }), of: 'a later version' } as never);
    const { problem: _, trained: __, ...before } = reportOf({ id: 'host-e/5' });
    await api.reports.write(before as never);
    for (const url of ['/workers', '/engines', '/metrics', '/readyz'])
      expect((await api.request({ url })).statusCode).toBe(200);
    expect((await api.request({ url: '/workers' })).json().data).toMatchObject([
      { id: 'host-d/5' },
      { id: 'host-e/5', problem: null, trained: [] },
    ]);
  });

  it('count jobs, and time requests by route rather than by path', async () => {
    const { id } = await api.create();
    await api.request({ url: `/jobs/${id}` });
    await api.request({ url: '/nowhere' });
    await api.app.inject({ method: 'PROPFIND' as 'GET', url: '/jobs', headers: { host: 'localhost' } });
    const { body } = await api.request({ url: '/metrics' });
    expect(body).toMatch(/^descent_jobs\{status="queued"\} [1-9]/m);
    expect(body).toContain('descent_store_up 1');
    expect(body).toContain(
      'descent_http_request_duration_seconds_count{method="GET",route="/jobs/:id",status="200"}',
    );
    expect(body).toContain('{method="GET",route="unknown",status="404"}');
    expect(body).toContain('{method="other",route="unknown",status="405"}');
    expect(body).not.toContain(id);
    expect(body).toContain(`descent_info{version="${VERSION}"} 1`);
  });

  it('redirect from / to a documentation page that works under its own security policy', async () => {
    const root = await request(api.url).get('/');
    expect([root.status, root.headers.location]).toEqual([302, '/docs']);
    const page = await request(api.url).get('/docs');
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/<script>[^<]/);
    const policy = page.headers['content-security-policy'];
    expect(policy).not.toContain('upgrade-insecure-requests');
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      const response = await request(api.url).get(new URL(asset, `${api.url}/docs`).pathname);
      expect(response.status, asset).toBe(200);
    }
    expect((await request(api.url).get('/docs/json')).body.paths).toHaveProperty('/jobs');
  });

  it('serve no other files below /docs', async () => {
    for (const path of [
      '/docs/static/%2e%2e/%2e%2e/package.json',
      '/docs/static/..%2f..%2fpackage.json',
      '/docs/static/nope.js',
    ]) {
      const response = await request(api.url).get(path);
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect([400, 404]).toContain(response.status);
    }
  });
});
