import { readFile } from 'node:fs/promises';
import { METHODS } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { renderOpenApi } from '../../scripts/write-openapi.ts';
import { PROBLEMS, type ProblemCode } from '../../src/contract/problem.ts';
import { newJobId } from '../store/open-store.ts';
import { COMMITTED, expectProblem, filledPath, openApi, VERSION } from './open-api.ts';
import { expectValid } from './response-check.ts';

const api = openApi();

interface Content {
  schema: Record<string, unknown>;
  examples?: Record<string, { value: unknown }>;
}

const at = (path: string): string => filledPath(path, newJobId());

/** Methods that reach Fastify: Node's parser has more, but CONNECT never reaches a route. */
const REQUESTABLE = METHODS.filter((method) => method !== 'CONNECT');

describe('the committed OpenAPI document', () => {
  it('matches the schemas', async () => {
    const file = fileURLToPath(new URL('../../openapi/openapi.json', import.meta.url));
    expect(await renderOpenApi(VERSION)).toBe(await readFile(file, 'utf8'));
  });

  it('is served at /openapi.json', async () => {
    expect((await api.request({ url: '/openapi.json' })).json()).toEqual(COMMITTED);
  });

  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(COMMITTED));
    expect(result).toMatchObject({ valid: true });
  });

  it('refers to every component, and defines every component it refers to', () => {
    const text = JSON.stringify(COMMITTED);
    for (const [kind, components] of Object.entries(COMMITTED.components)) {
      // Operations name their security schemes without a path.
      const reference = (name: string) =>
        kind === 'securitySchemes' ? `{"${name}":[` : `"#/components/${kind}/${name}"`;
      for (const name of Object.keys(components)) expect(text).toContain(reference(name));
    }
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
      expect(COMMITTED.components[kind as 'schemas']).toHaveProperty(name!);
    }
  });

  it('has only examples that its own schemas allow', () => {
    let examples = 0;
    const look = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const content = value as Partial<Content>;
      if (content.schema !== undefined && content.examples !== undefined) {
        for (const example of Object.values(content.examples)) {
          expectValid(COMMITTED, content.schema, example.value);
          examples += 1;
        }
      }
      for (const child of Object.values(value)) look(child);
    };
    look(COMMITTED);
    expect(examples).toBeGreaterThan(20);
  });

  it('lists exactly the problems of the catalogue', () => {
    const schema = COMMITTED.components.schemas.Problem as { properties: { code: { enum: string[] } } };
    expect(schema.properties.code.enum).toEqual(Object.keys(PROBLEMS));
    const { description } = COMMITTED.info as { description: string };
    const rows = [...description.matchAll(/^\| `(\w+)` \| (\d+) \| (.+) \|$/gm)];
    expect(rows.map(([, code, status, title]) => [code, { status: Number(status), title }])).toEqual(
      Object.entries(PROBLEMS),
    );
    const used = new Set(JSON.stringify(COMMITTED.components.responses).match(/"code":"\w+"/g));
    const codes = [...used].map((text) => text.slice('"code":"'.length, -1) as ProblemCode);
    // No documented operation returns 405; the undocumented methods do.
    expect([...codes, 'method_not_allowed'].sort()).toEqual(Object.keys(PROBLEMS).sort());
  });
});

describe('the router', () => {
  it('implements every documented operation', async () => {
    for (const [path, operations] of Object.entries(COMMITTED.paths)) {
      for (const method of Object.keys(operations)) {
        const response = await api.request({
          method: method.toUpperCase() as 'GET',
          url: at(path),
        });
        expect(response.body, `${method} ${path}`).not.toContain('"code":"not_found"');
        expect(response.statusCode).not.toBe(405);
      }
    }
  });

  it('has no routes except those of the document and of its page', () => {
    const tree = api.app
      .printRoutes({ commonPrefix: false })
      .split('\n')
      .filter((line) => line !== '');
    const paths: string[] = [];
    const parents: string[] = [];
    for (const line of tree) {
      const [, indent, segment] = /^([│ ]*)[└├]── (\S+) \(/.exec(line)!;
      const depth = indent!.length / 4;
      parents.length = depth;
      parents.push(segment!);
      paths.push(parents.join(''));
    }
    const ours = paths.filter((path) => !path.startsWith('/docs'));
    expect(ours.map((path) => path.replace(/:(\w+)/g, '{$1}')).sort()).toEqual(
      Object.keys(COMMITTED.paths).sort(),
    );
  });

  it('answers every other method with 405 and the allowed methods', async () => {
    for (const [path, operations] of Object.entries(COMMITTED.paths)) {
      const methods = Object.keys(operations).map((method) => method.toUpperCase());
      const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
      const allow = allowed.join(', ');
      for (const method of REQUESTABLE.filter((each) => !allowed.includes(each))) {
        for (const url of [at(path), `${at(path)}?x=1`]) {
          const response = await api.app.inject({
            method: method as NonNullable<InjectOptions['method']>,
            url,
            headers: { host: 'localhost', 'content-type': 'text/nonsense' },
            payload: '{',
          });
          expect([response.statusCode, response.headers.allow], `${method} ${url}`).toEqual([405, allow]);
          if (method !== 'HEAD') expectProblem(response, 405, 'method_not_allowed');
        }
      }
      const options = await api.request({ method: 'OPTIONS', url: at(path) });
      expect([options.statusCode, options.headers.allow, options.body]).toEqual([204, allow, '']);
    }
  });

  it('answers HEAD like GET without a body', async () => {
    for (const [path, operations] of Object.entries(COMMITTED.paths)) {
      if (operations.get === undefined || path === '/metrics') continue;
      const url = filledPath(path, (await api.create()).id);
      const get = await api.request({ url });
      const head = await api.request({ method: 'HEAD', url });
      expect([head.statusCode, head.headers['content-type'], head.body], path).toEqual([
        get.statusCode,
        get.headers['content-type'],
        '',
      ]);
    }
  });

  it('accepts a trailing slash', async () => {
    const { id } = await api.create();
    for (const url of ['/jobs/', `/jobs/${id}/`, '/livez/']) {
      expect((await api.request({ url })).statusCode, url).toBe(200);
    }
    expect((await api.request({ method: 'PUT', url: '/jobs/' })).statusCode).toBe(405);
  });

  it.each(['/nowhere', '/job', '/jobs/x/nowhere', '/JOBS', '//jobs', '/jobs/x/charts/'])(
    'answers 404 for %s, with any method and body',
    async (url) => {
      expectProblem(await api.request({ url }), 404, 'not_found');
      const headers = { 'content-type': 'application/json' };
      expectProblem(await api.request({ method: 'POST', url, headers, payload: '{' }), 404, 'not_found');
      expectProblem(await api.request({ method: 'OPTIONS', url }), 404, 'not_found');
    },
  );

  it('answers a path that is not UTF-8 with 400, and one that is too long with 404', async () => {
    for (const url of ['/jobs/%zz', '/%', '/jobs/%ff%fe']) {
      expectProblem(await api.request({ url }), 400, 'malformed_request');
    }
    expectProblem(await api.request({ url: `/jobs/${'x'.repeat(5_000)}` }), 404, 'not_found');
  });
});
