import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyOf } from './needed-body.ts';
import { COMMITTED, filledPath, openApi } from './open-api.ts';

/** Every documented parameter takes exactly the values that its schema allows. */

interface Schema {
  type?: 'string' | 'integer' | 'array' | 'object';
  anyOf?: Schema[];
  additionalProperties?: Schema;
  enum?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  examples?: string[];
}

interface Parameter {
  operation: string;
  method: string;
  path: string;
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

const PARAMETERS: Parameter[] = Object.entries(COMMITTED.paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, operation]) => {
    const { parameters = [] } = operation as {
      parameters?: Omit<Parameter, 'operation' | 'method' | 'path'>[];
    };
    return parameters.map((parameter) => ({
      ...parameter,
      operation: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
    }));
  }),
);

const api = openApi();
const ajv = new Ajv2020({ strict: false });

/** What a text on the wire is to its schema. */
const read = (text: string, { type, anyOf = [] }: Schema): unknown =>
  [type, ...anyOf.map((each) => each.type)].includes('integer') && /^-?\d+$/.test(text)
    ? Number(text)
    : type === 'array'
      ? [text]
      : type === 'object'
        ? { key: text }
        : text;

const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
});

/** Texts at and around the limits of a schema, and others. */
function texts(schema: Schema): fc.Arbitrary<string> {
  const { type, enum: choices, pattern, minimum, maximum, items, anyOf, additionalProperties } = schema;
  if (type === 'array') return texts(items ?? {});
  if (type === 'object') return texts(additionalProperties ?? {});
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(texts));
  const near = [minimum, maximum]
    .filter((bound) => bound !== undefined)
    .flatMap((bound) => [bound - 1, bound, bound + 1].map(String));
  const special = [
    ...near,
    ...(choices ?? []),
    '0',
    '1',
    '-1',
    '1.5',
    '1e3',
    '0x1',
    '9'.repeat(16),
    'null',
    'x',
  ];
  return fc.oneof(
    fc.constantFrom(...special),
    ...(pattern === undefined ? [] : [fc.stringMatching(new RegExp(pattern))]),
    visible,
    visible.map((text) => `"${text}"`),
    fc.integer({ min: 250, max: 260 }).map((length) => 'k'.repeat(length)),
    fc.integer({ min: 250, max: 260 }).map((length) => `"${'k'.repeat(length)}"`),
    fc.integer({ min: 0, max: 2 ** 50 }).map(String),
  );
}

describe.each(PARAMETERS)('$operation: the parameter $name', (parameter) => {
  it('takes what its schema allows, and nothing else', async () => {
    const { operation, name, method, path, schema } = parameter;
    // A job to ask about; a delete would need a new one each time, and no job at all is as good.
    const id = method === 'DELETE' ? '' : (await api.create()).id;
    const allows = ajv.compile({ ...schema, components: COMMITTED.components });
    await fc.assert(
      fc.asyncProperty(texts(resolved(schema)), async (text) => {
        // Nothing cannot be sent there, and clients resolve dots in a path.
        if (parameter.in !== 'query' && /^\.{0,2}$/.test(text)) return;
        const expected = allows(read(text, resolved(schema)));
        const others = PARAMETERS.filter(
          (other) =>
            other.operation === operation && other.in === 'query' && other.required && other !== parameter,
        ).map((other) => `${other.name}=${encodeURIComponent(other.schema.examples![0]!)}`);
        const query = [
          ...others,
          ...(parameter.in === 'query'
            ? [`${name}${schema.type === 'object' ? '[key]' : ''}=${encodeURIComponent(text)}`]
            : []),
        ].join('&');
        const given = parameter.in === 'path' ? path.replace(`{${name}}`, encodeURIComponent(text)) : path;
        const url = filledPath(given, id);
        const { headers, ...body } = bodyOf(method, url);
        const response = await api.request({
          method: method as 'GET',
          url: query === '' ? url : `${url}?${query}`,
          headers: { ...headers, ...(parameter.in === 'header' && { [name]: text }) },
          ...body,
        });
        const refused = response.statusCode === 422 && response.json().code === 'validation_failed';
        // An id in the path that no job can have is just not found.
        if (parameter.in === 'path' && !expected) expect(response.statusCode, text).toBe(404);
        else expect([text, refused]).toEqual([text, !expected]);
        if (refused) expect(response.json().errors[0]).toMatchObject({ in: parameter.in });
      }),
      { numRuns: 60 },
    );
  });
});

function resolved(schema: Schema & { $ref?: string }): Schema {
  const name = schema.$ref?.replace('#/components/schemas/', '');
  return name === undefined ? schema : (COMMITTED.components.schemas[name] as Schema);
}
