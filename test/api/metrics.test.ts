import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { newCounters } from '../../workers/counters.ts';
import { EventViewer } from './event-viewer.ts';
import { openApi, VERSION } from './open-api.ts';

/** docs/operations.md, the alerts and the dashboard, compared with a real scrape. */

const api = openApi();

interface Scraped {
  /** Without the suffixes of a histogram. */
  names: string[];
  /** Label names of each metric; of those that have samples. */
  labels: Map<string, string[]>;
}

async function scrape(): Promise<Scraped> {
  // One of everything that has labels.
  await api.succeeded();
  const { id } = await api.create();
  const viewer = await EventViewer.open(`${api.url}/jobs/${id}/events`);
  await viewer.types(1);
  await api.store.cancel('local', id);
  await viewer.types(1);
  expect(await viewer.message()).toBeUndefined();
  await api.reports.write({
    id: 'host-a/1',
    host: 'host-a',
    pid: 1,
    version: VERSION,
    concurrency: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    problem: null,
    running: [],
    engines: [],
    memory_mb: null,
    trained: [{ engine: 'native', epochs: 1, steps: 1 }],
    counters: newCounters(),
  });
  const { body } = await api.request({ url: '/metrics' });
  const names = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
  const labels = new Map(
    [...body.matchAll(/^([a-z_]+?)(?:_bucket)?\{(.*)\} /gm)].map(([, name, text]) => [
      name!,
      [...text!.matchAll(/(\w+)="/g)].map(([, label]) => label!).filter((label) => label !== 'le'),
    ]),
  );
  return { names, labels };
}

const isOurs = (name: string) => name.startsWith('descent_');

it('has every metric of docs/operations.md with its labels, and no other', async () => {
  const { names, labels } = await scrape();
  const rows = [
    ...readFileSync('docs/operations.md', 'utf8').matchAll(/^\| `([a-z0-9_]+)(?:\{([a-z,]+)\})?` \|/gm),
  ];
  const documented = rows.map(([, name]) => name!);
  expect(documented.filter(isOurs).sort()).toEqual(names.filter(isOurs).sort());
  expect(documented.filter((name) => !names.includes(name))).toEqual([]);
  for (const [, name, list] of rows) {
    if (isOurs(name!))
      expect([...(labels.get(name!) ?? [])].sort(), name).toEqual(list?.split(',').sort() ?? []);
  }
});

const DashboardSchema = z.object({
  panels: z
    .array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) }))
    .min(10),
});

it.each([
  [
    'deploy/prometheus/alerts.yml',
    (text: string) => [...text.matchAll(/^ +expr: (.*)$/gm)].map(([, expr]) => expr!),
  ],
  [
    'deploy/grafana/dashboard.json',
    (text: string) =>
      DashboardSchema.parse(JSON.parse(text)).panels.flatMap(({ targets }) =>
        targets.map(({ expr }) => expr),
      ),
  ],
])('%s uses only metrics that exist', async (file, expressions) => {
  const { names } = await scrape();
  const known = new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]));
  const used = expressions(readFileSync(file, 'utf8')).flatMap((expr) =>
    [...expr.matchAll(/\b(?:descent|nodejs|process)_\w+/g)].map(([name]) => name),
  );
  expect(used.length).toBeGreaterThan(10);
  expect(used.filter((name) => !known.has(name))).toEqual([]);
});
