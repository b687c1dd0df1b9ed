import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { Installation } from '../end-to-end/installation.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { runProgram } from '../support/run-program.ts';

/** deploy/grafana/jobs.json and docs/grafana.md: what Infinity would ask, and what it would make of the answers. */

const PLUGIN = 'yesoreyeram-infinity-datasource';
const DatasourceSchema = z.strictObject({
  type: z.literal(PLUGIN),
  uid: z.string().regex(/^\$\{datasource\}$/),
});

const QuerySchema = z.strictObject({
  refId: z.string(),
  datasource: DatasourceSchema,
  type: z.literal('json'),
  source: z.literal('url'),
  format: z.literal('table'),
  parser: z.enum(['backend', 'jq-backend']),
  url: z.string().startsWith('/'),
  url_options: z.strictObject({ method: z.literal('GET'), data: z.literal('') }),
  root_selector: z.string().min(1),
  columns: z.array(
    z.strictObject({ selector: z.string(), text: z.string(), type: z.enum(['number', 'string']) }),
  ),
  filters: z.array(z.never()),
});
type Query = z.output<typeof QuerySchema>;

const VariableSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('datasource'), name: z.literal('datasource'), query: z.literal(PLUGIN) }),
  z.looseObject({
    type: z.literal('query'),
    name: z.string(),
    datasource: DatasourceSchema,
    query: z.strictObject({
      refId: z.string(),
      queryType: z.literal('infinity'),
      infinityQuery: QuerySchema,
    }),
  }),
]);

const panelOf = <Type extends string, Options extends z.ZodType>(type: Type, options: Options) =>
  z.looseObject({
    type: z.literal(type),
    title: z.string(),
    datasource: DatasourceSchema,
    gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
    options,
    targets: z.tuple([QuerySchema]),
  });

const DashboardSchema = z.looseObject({
  uid: z.literal('descent-jobs'),
  templating: z.strictObject({ list: z.array(VariableSchema) }),
  panels: z
    .array(
      z.discriminatedUnion('type', [
        panelOf('trend', z.looseObject({ xField: z.literal('epoch') })),
        panelOf('table', z.looseObject({})),
      ]),
    )
    .min(1),
});

const { templating, panels } = DashboardSchema.parse(
  JSON.parse(readFileSync('deploy/grafana/jobs.json', 'utf8')),
);
const variables = templating.list.flatMap((variable) => (variable.type === 'query' ? [variable] : []));

type Row = Record<string, unknown>;

const hasJq = spawnSync('jq', ['--version']).error === undefined;

/** Fetches as Infinity does, and selects rows as it does; undefined where that takes jq, which is missing. */
async function rowsOf(
  descent: Installation,
  query: Query,
  ids: readonly string[],
): Promise<Row[] | undefined> {
  const path = query.url.replaceAll(/\$\{job\}/g, ids[0]!).replaceAll(/\$\{jobs:csv\}/g, ids.join(','));
  expect(path).not.toContain('$');
  const headers = { accept: 'application/json;q=0.9,text/plain' };
  const response = await descent.fetch(path, { headers });
  const body = await response.text();
  expect(response.status, body).toBe(200);
  const answer = JSON.parse(body) as Record<string, Row[]>;
  if (query.parser === 'backend') return answer[query.root_selector];
  if (!hasJq) return undefined;
  const env = { PATH: process.env.PATH };
  const ended = await runProgram('jq', ['-c', query.root_selector], { cwd: '.', env, input: body });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as Row[];
}

const valueAt = (row: Row, selector: string): unknown =>
  selector.split('.').reduce<unknown>((value, name) => (value as Row)[name], row);

const descent = await Installation.startForFile();
const SPEC = { dataset: 'mnist_sample', model: { hidden_units: [8] }, training: { epochs: 2 } };
const jobs = [await descent.create({ ...SPEC, name: 'one' }), await descent.create(SPEC)];
const ids = jobs.map(({ id }) => id);
const titles = [`one ${ids[0]!.slice(-6)}`, `job ${ids[1]!.slice(-6)}`];

beforeAll(async () => {
  for (const id of ids) await descent.toEnd(id);
});

describe('the dashboard of jobs', () => {
  it.each(panels)('shows "$title"', async ({ type, targets: [query] }) => {
    const rows = await rowsOf(descent, query, ids);
    if (rows === undefined) return;
    expect(rows).toHaveLength(2);
    for (const { selector, type: expected } of query.columns) {
      const known = rows.map((row) => valueAt(row, selector)).filter((value) => value !== null);
      expect(known.length, selector).toBeGreaterThan(0);
      for (const value of known) expect(typeof value, selector).toBe(expected);
    }
    if (type !== 'trend') return;
    expect(rows.map(({ epoch }) => epoch)).toEqual([1, 2]);
    if (query.columns.length > 0) return;
    // Without columns, Infinity takes all that there are.
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(['epoch', ...titles]);
      for (const value of Object.values(row)) expect(value).toEqual(expect.any(Number));
    }
  });

  it.skipIf(!hasJq)('offers the jobs by name (needs jq)', async () => {
    expect(variables.map(({ name }) => name)).toEqual(['job', 'jobs']);
    for (const { query } of variables) {
      expect(await rowsOf(descent, query.infinityQuery, ids)).toEqual([
        { __text: `rmsprop ${ids[1]!.slice(-6)}`, __value: ids[1] },
        { __text: titles[0], __value: ids[0] },
      ]);
    }
  });

  it('shows jobs without an epoch as empty lists, which are no errors', async () => {
    const idle = await Installation.start({ workers: 0 });
    const waiting = [await idle.create(SPEC), await idle.create(SPEC)].map(({ id }) => id);
    for (const { type, targets } of panels) {
      const rows = await rowsOf(idle, targets[0], waiting);
      expect(rows ?? []).toHaveLength(type === 'trend' ? 0 : 2);
    }
  });
});

describe('docs/grafana.md', () => {
  it('names the queries of the dashboard', () => {
    const page = readFileSync('docs/grafana.md', 'utf8');
    const queries = panels.map(({ targets: [query] }) => query);
    for (const { url } of queries) expect(page).toContain(`\`${url}\``);
    const [selector] = codeBlocks('docs/grafana.md', 'jq');
    expect(queries.map(({ root_selector }) => root_selector)).toContain(selector!.trim());
  });

  it('provisions a data source that Infinity takes', () => {
    const [yaml] = codeBlocks('docs/grafana.md', 'yaml');
    const HostSchema = z.literal('http://descent.example.org:3000');
    z.strictObject({
      apiVersion: z.literal(1),
      datasources: z.tuple([
        z.strictObject({
          name: z.string(),
          type: z.literal(PLUGIN),
          url: HostSchema,
          jsonData: z.strictObject({
            auth_method: z.literal('bearerToken'),
            allowedHosts: z.tuple([HostSchema]),
          }),
          secureJsonData: z.strictObject({ bearerToken: z.literal('$DESCENT_API_KEY') }),
        }),
      ]),
    }).parse(parse(yaml!));
  });
});
