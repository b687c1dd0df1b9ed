import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../src/api/http/schema-words.ts';
import type { Problem } from '../../src/contract/problem.ts';
import { newJobId } from '../store/open-store.ts';
import { COMMITTED, expectProblem, openApi } from './open-api.ts';

/** Every field of the spec, from the committed document: a new field is tested without a change here. */

const api = openApi();

type Schema = JsonSchema & { discriminator?: unknown; isUnion?: boolean };

function resolve(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const { $ref, ...rest } = schema;
  const target = COMMITTED.components.schemas[$ref.replace('#/components/schemas/', '')] as Schema;
  return { ...resolve(target), ...rest };
}

interface Field {
  path: string[];
  schema: Schema;
  nullable: boolean;
  /** A spec that contains only this field, with this value, and the objects around it. */
  withValue: (value: unknown) => unknown;
}

const isNeeded = (schema: Schema | undefined): boolean =>
  schema !== undefined && schema.const === undefined && resolve(schema).default === undefined;

/** A small value that the schema of a number, or of an array of numbers, allows. */
function least(schema: Schema): unknown {
  const { type, minimum, minItems = 0, items } = resolve(schema);
  if (type === 'array') return Array.from({ length: minItems }, () => least(items!));
  return minimum ?? 1;
}

/** Descends into objects and into each branch of a union; everything else counts as a field. */
function* fieldsOf(schema: Schema, path: string[], put: (value: unknown) => unknown): Generator<Field> {
  const resolved = resolve(schema);
  const branches = resolved.anyOf ?? [];
  const nullable = branches.some(({ type }) => type === 'null');
  const value = nullable ? { ...resolve(branches.find(({ type }) => type !== 'null')!) } : resolved;
  // Besides null, a union is of a number and objects.
  const union = nullable ? undefined : branches.map(resolve).find(({ oneOf }) => oneOf !== undefined);
  const plain = union && { ...branches.map(resolve).find(({ type }) => type === 'number')!, isUnion: true };
  yield { path, schema: plain ? { ...plain, default: value.default } : value, nullable, withValue: put };
  for (const branch of (union ?? value).oneOf ?? [value]) {
    const { properties = {}, required = [] } = resolve(branch);
    const needed = Object.fromEntries(
      required.flatMap((name) => (isNeeded(properties[name]) ? [[name, least(properties[name]!)]] : [])),
    );
    const tags = Object.fromEntries(
      Object.entries(properties).flatMap(([name, { const: tag }]) =>
        tag === undefined ? [] : [[name, tag]],
      ),
    );
    for (const [name, child] of Object.entries(properties)) {
      if (child.const !== undefined) continue;
      yield* fieldsOf(child, [...path, name], (inner) => put({ ...tags, ...needed, [name]: inner }));
    }
  }
}

const ROOT: Schema = { $ref: '#/components/schemas/JobSpec' };
const FIELDS = [...fieldsOf(ROOT, [], (value) => value)].filter(({ path }) => path.length > 0);
const pointerOf = (path: string[]): string => path.map((key) => `/${key}`).join('');

const SAMPLES: Record<string, unknown> = {
  string: 'text',
  number: 0.5,
  boolean: true,
  array: [],
  object: {},
};

const kindOf = ({ type, enum: choices, oneOf }: Schema): string =>
  oneOf !== undefined
    ? 'object'
    : type === 'integer'
      ? 'number'
      : choices !== undefined
        ? 'string'
        : (type ?? '?');

/** Values of every other type, which must not be converted. */
function wrongKinds(schema: Schema): unknown[] {
  const kinds = (schema.anyOf ?? [schema]).map((form) => kindOf(resolve(form)));
  return Object.entries(SAMPLES).flatMap(([kind, value]) =>
    kinds.includes(kind) || (kind === 'object' && schema.isUnion === true) ? [] : [value],
  );
}

/** Values just out of bounds. */
function outside(schema: Schema): unknown[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, maxItems } = schema;
  const step = schema.type === 'integer' ? 1 : 1e-9;
  return [
    ...(minimum === undefined ? [] : [minimum - step, -1e300]),
    ...(maximum === undefined ? [] : [maximum + step * maximum, 1e300]),
    ...(exclusiveMinimum === undefined ? [] : [exclusiveMinimum]),
    ...(exclusiveMaximum === undefined ? [] : [exclusiveMaximum]),
    ...(schema.type === 'integer' ? [1.5] : []),
    ...(minLength === undefined ? [] : ['x'.repeat(minLength - 1)]),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
    ...(maxItems === undefined ? [] : [Array(maxItems + 1).fill(1)]),
    ...(schema.enum === undefined && schema.oneOf === undefined ? [] : schema.enum ? ['nonsense'] : []),
  ];
}

/** Words that the error must contain. */
function wordsOf(schema: Schema, nullable: boolean): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, maxItems } = schema;
  const numbers = [
    minimum,
    maximum,
    exclusiveMinimum,
    exclusiveMaximum,
    minLength || undefined,
    maxLength,
    maxItems,
  ];
  const kinds: Record<string, string> = {
    integer: 'whole number',
    number: 'number',
    boolean: 'true or false',
    array: 'array',
    object: 'object',
  };
  return [
    ...numbers.flatMap((number) => (number === undefined ? [] : [String(number)])),
    ...(schema.enum ?? []).map((choice) => JSON.stringify(choice)),
    ...(kinds[schema.type ?? ''] === undefined ? [] : [kinds[schema.type!]]),
    ...(nullable ? ['or null'] : []),
    ...(typeof schema.default === 'number' ? [`default ${schema.default}`] : []),
    'must be',
  ];
}

async function refused(spec: unknown): Promise<NonNullable<Problem['errors']>> {
  const { errors } = expectProblem(await api.post(spec), 422, 'validation_failed');
  return errors ?? [];
}

/** Of a dataset that the spec's loss fits, if it names one. */
function fitting(spec: unknown): unknown {
  const { loss } = spec as { loss?: string };
  return loss === undefined || loss === 'categorical_crossentropy'
    ? spec
    : { ...(spec as object), dataset: 'sine' };
}

describe('every field of the spec', () => {
  it('is in the document', () => {
    const paths = FIELDS.map(({ path }) => pointerOf(path));
    expect(paths).toContain('/optimizer/beta_2');
    expect(paths).toContain('/model/hidden_units');
    expect(new Set(paths).size).toBeGreaterThan(20);
  });

  it.each(FIELDS.map((field) => [pointerOf(field.path), field] as const))(
    '%s refuses values that are too low, too high, of another type or null, and names the allowed ones',
    async (pointer, { schema, nullable, withValue }) => {
      const wrong = [...outside(schema), ...wrongKinds(schema), ...(nullable ? [] : [null])];
      for (const value of wrong) {
        if (
          kindOf(schema) === 'object' &&
          schema.oneOf !== undefined &&
          typeof value === 'object' &&
          value !== null
        )
          continue;
        const errors = await refused(withValue(value));
        expect(errors, JSON.stringify(value)).toEqual([{ in: 'body', pointer, detail: expect.any(String) }]);
        for (const word of wordsOf(schema, nullable)) expect(errors[0].detail).toContain(word);
      }
    },
  );

  it.each(FIELDS.map((field) => [pointerOf(field.path), field] as const))(
    '%s accepts its bounds and its default',
    async (_pointer, { schema, nullable, withValue }) => {
      const { minimum, maximum, minLength, maxLength, default: standard } = schema;
      const allowed = [
        ...(minimum === undefined ? [] : [minimum]),
        ...(maximum === undefined ? [] : [maximum]),
        ...(minLength === undefined ? [] : ['x'.repeat(minLength)]),
        ...(maxLength === undefined ? [] : ['x'.repeat(maxLength)]),
        ...(standard === undefined ? [] : [standard]),
        ...(nullable ? [null] : []),
        ...(schema.enum ?? []),
      ];
      for (const value of allowed) {
        const response = await api.post(fitting(withValue(value)));
        expect(response.statusCode, response.body).toBe(202);
      }
    },
  );

  const objects = [
    { path: [] as string[], schema: resolve(ROOT), withValue: (value: unknown) => value },
    ...FIELDS.filter(({ schema }) => schema.properties !== undefined),
  ];

  it.each(objects.map((object) => [pointerOf(object.path) || 'the spec', object] as const))(
    '%s reports an unknown field and names the known ones',
    async (_name, { path, schema, withValue }) => {
      const errors = await refused(withValue({ 'un/kn~own': 1 }));
      expect(errors).toEqual([
        { in: 'body', pointer: `${pointerOf(path)}/un~1kn~0own`, detail: expect.any(String) },
      ]);
      for (const known of Object.keys(schema.properties ?? {})) expect(errors[0].detail).toContain(known);
    },
  );
});

describe('optimizers', () => {
  const { oneOf = [] } = resolve({ $ref: '#/components/schemas/Optimizer' });
  const types = oneOf.map((branch) => String(resolve(branch).properties?.type?.const));

  it.each([{ type: 'ftrl' }, { type: null }, { type: 1 }, { type: ['rmsprop'] }, {}, { learning_rate: 1 }])(
    '%j gets an error that lists the types',
    async (optimizer) => {
      const errors = await refused({ optimizer });
      expect(errors).toEqual([{ in: 'body', pointer: '/optimizer/type', detail: expect.any(String) }]);
      for (const type of types) expect(errors[0].detail).toContain(JSON.stringify(type));
    },
  );

  it.each(types)('%s refuses an argument of another optimizer', async (type) => {
    const known = oneOf.map(resolve).find(({ properties }) => properties?.type?.const === type)!.properties!;
    const errors = await refused({ optimizer: { type, schedule: 1 } });
    expect(errors).toEqual([{ in: 'body', pointer: '/optimizer/schedule', detail: expect.any(String) }]);
    for (const name of Object.keys(known)) expect(errors[0].detail).toContain(name);
  });
});

describe('numbers that the arithmetic would turn into others', () => {
  it.each([
    [{ optimizer: { type: 'rmsprop', epsilon: 1e-46 } }, '/optimizer/epsilon', '1e-46 would become 0'],
    [{ optimizer: { type: 'sgd', learning_rate: 1e-46 } }, '/optimizer/learning_rate', 'would become 0'],
    [
      { optimizer: { type: 'sgd', momentum: 0.99999999 } },
      '/optimizer/momentum',
      '0.99999999 would become 1',
    ],
    [{ optimizer: { type: 'adam', beta_2: 0.99999999 } }, '/optimizer/beta_2', '0.99999999 would become 1'],
    [{ model: { dropout: 0.9999999999 } }, '/model/dropout', 'would drop everything'],
    [{ model: { dropout: 1e-10 } }, '/model/dropout', 'would drop nothing'],
    [{ training: { class_weight: 'even' } }, '/training/class_weight', '"balanced" or an object'],
    [{ training: { class_weight: { 3: -1 } } }, '/training/class_weight/3', 'from 0 to 1000000'],
    [{ training: { class_weight: { 3: '1' } } }, '/training/class_weight/3', 'from 0 to 1000000'],
    [{ training: { class_weight: { 3: 1e-40 } } }, '/training/class_weight/3', 'must be 0 or at least 1.17'],
    [
      { training: { class_weight: { seven: 1 } } },
      '/training/class_weight/seven',
      'must name a class of mnist: 0, 1, 2',
    ],
    [{ training: { label_smoothing: 1e-38 } }, '/training/label_smoothing', 'must be 0 or at least 1.17'],
    [{ model: { l2: 1e-39 } }, '/model/l2', 'must be 0 or at least 1.17'],
    [{ training: { validation_split: 1e-17 } }, '/training/validation_split', 'would leave no row'],
  ])('are refused: %j', async (spec, pointer, words) => {
    const errors = await refused(spec);
    expect(errors).toEqual([{ in: 'body', pointer, detail: expect.stringContaining(words) }]);
    expect(errors[0].detail).toMatch(/^must (be|name) /);
  });
});

const COSINE = { type: 'cosine_decay', initial_learning_rate: 0.1, decay_steps: 9 };
const STEPS = { type: 'piecewise_constant_decay', boundaries: [5, 5], values: [0.1, 0.2, 0.3] };

describe('options that exclude each other', () => {
  it.each([
    [
      { optimizer: { type: 'sgd', clipnorm: 1, clipvalue: 1 } },
      '/optimizer/clipvalue',
      'where clipnorm is set',
    ],
    [
      { optimizer: { type: 'adam', clipvalue: 1, global_clipnorm: 1 } },
      '/optimizer/clipvalue',
      'where global_clipnorm is set',
    ],
    [
      { optimizer: { type: 'sgd', learning_rate: STEPS } },
      '/optimizer/learning_rate/boundaries/1',
      'larger than the one before, 5',
    ],
    [
      { optimizer: { type: 'sgd', learning_rate: { ...STEPS, boundaries: [5] } } },
      '/optimizer/learning_rate/values',
      'so 2 rates; got 3',
    ],
    [
      { optimizer: { type: 'sgd', learning_rate: { ...COSINE, initial_learning_rate: 1e-46 } } },
      '/optimizer/learning_rate/initial_learning_rate',
      'would become 0',
    ],
    [
      { optimizer: { type: 'sgd', learning_rate: { ...STEPS, boundaries: [5, 6], values: [0, 1e-46, 1] } } },
      '/optimizer/learning_rate/values/1',
      'would become 0',
    ],
    [
      { training: { early_stopping: {}, validation_split: 0 } },
      '/training/early_stopping/monitor',
      'must be loss or accuracy',
    ],
    [
      { training: { reduce_lr_on_plateau: { monitor: 'val_accuracy' }, validation_split: 0 } },
      '/training/reduce_lr_on_plateau/monitor',
      'no rows to measure val_accuracy on',
    ],
    [
      { optimizer: { type: 'adam', learning_rate: COSINE }, training: { reduce_lr_on_plateau: {} } },
      '/training/reduce_lr_on_plateau',
      'where learning_rate is a schedule',
    ],
    [{ optimizer: { type: 'lion' }, engine: 'tensorflow' }, '/optimizer/type', 'it has no lion'],
    [
      { optimizer: { type: 'sgd', momentum: 0.9, learning_rate: COSINE }, engine: 'tensorflow' },
      '/optimizer/momentum',
      '0 where the learning rate changes',
    ],
  ])('are refused: %j', async (spec, pointer, words) => {
    const errors = await refused(spec);
    expect(errors).toEqual([{ in: 'body', pointer, detail: expect.stringContaining(words) }]);
    expect(errors[0].detail).toMatch(/^must (be|have) /);
  });

  it.each([
    { training: { early_stopping: { monitor: 'loss' }, validation_split: 0 } },
    { optimizer: { type: 'adam', learning_rate: COSINE, global_clipnorm: 1, weight_decay: 0.1 } },
  ])('are accepted where they fit: %j', async (spec) => {
    expect((await api.post(spec)).statusCode).toBe(202);
  });

  it('gets the faults of a schedule by their fields', async () => {
    const wrong = (learning_rate: unknown) => refused({ optimizer: { type: 'adam', learning_rate } });
    expect(await wrong({ type: 'cosine_decay', initial_learning_rate: 11 })).toEqual([
      {
        in: 'body',
        pointer: '/optimizer/learning_rate/initial_learning_rate',
        detail: 'must be a number from 0 to 10; got 11',
      },
      {
        in: 'body',
        pointer: '/optimizer/learning_rate/decay_steps',
        detail: expect.stringContaining('whole'),
      },
    ]);
    expect(await wrong({ type: 'linear' })).toEqual([
      {
        in: 'body',
        pointer: '/optimizer/learning_rate/type',
        detail: expect.stringMatching(/^must be one of "exponential_decay", .*; got "linear"$/),
      },
    ]);
    expect(await wrong({ ...COSINE, decay_rate: 1 })).toEqual([
      {
        in: 'body',
        pointer: '/optimizer/learning_rate/decay_rate',
        detail: expect.stringContaining('allowed here: type, initial_learning_rate, decay_steps'),
      },
    ]);
    expect(await wrong('fast')).toEqual([
      {
        in: 'body',
        pointer: '/optimizer/learning_rate',
        detail: expect.stringMatching(
          /^must be a number greater than 0 and at most 10 or an object whose type is /,
        ),
      },
    ]);
  });
});

describe('the rest of a request', () => {
  it('gets one entry for each wrong field, all in one response', async () => {
    const errors = await refused({
      epochs: 5,
      name: '',
      model: { hidden_units: [0, 'x', 64] },
      training: { epochs: 0, seed: 2 ** 32, batch_size: '32' },
    });
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual([
      '/epochs',
      '/model/hidden_units/0',
      '/model/hidden_units/1',
      '/name',
      '/training/batch_size',
      '/training/epochs',
      '/training/seed',
    ]);
  });

  it('names what metadata may be', async () => {
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']));
    expect(await refused({ metadata: many })).toEqual([
      { in: 'body', pointer: '/metadata', detail: expect.stringContaining('at most 16 pairs') },
    ]);
    expect(await refused({ metadata: { ['k'.repeat(65)]: 'v' } })).toEqual([
      {
        in: 'body',
        pointer: `/metadata/${'k'.repeat(65)}`,
        detail: expect.stringContaining('1 to 64 characters'),
      },
    ]);
    expect(await refused({ metadata: { k: 1 } })).toEqual([
      { in: 'body', pointer: '/metadata/k', detail: expect.stringContaining('at most 512 characters') },
    ]);
  });

  it.each([
    ['/jobs?limit=0', '/limit', 'from 1 to 1000; got'],
    ['/jobs?limit=1001', '/limit', 'from 1 to 1000'],
    ['/jobs?limit=1e1', '/limit', 'a whole number'],
    ['/jobs?limit=', '/limit', 'a whole number'],
    ['/jobs?limit=1&limit=2', '/limit', 'got an array of 2'],
    ['/jobs?status=done', '/status', '"succeeded"'],
    ['/jobs?after=1', '/after', 'must be the `after` in the `next` of another page; got'],
    ['/jobs?page=1', '/page', 'limit, after, status'],
    ['/jobs?__proto__=1', '/__proto__', 'limit, after, status'],
    [`/jobs/${newJobId()}?x=1`, '/x', 'allowed here: nothing'],
    [`/jobs/${newJobId()}/events?limit=1001`, '/limit', '1 to 1000'],
    [`/jobs/${newJobId()}/metrics?after=-1`, '/after', 'from 0 to 999999999999999'],
    [
      `/jobs/${newJobId()}/metrics?format=xml`,
      '/format',
      '"json", "columns", "csv", "ndjson", "tensorboard"',
    ],
    [`/jobs/${newJobId()}/metrics?max_points=1`, '/max_points', 'from 2 to 10000'],
  ])('%s is refused at %s', async (url, pointer, words) => {
    const { errors } = expectProblem(await api.request({ url }), 422, 'validation_failed');
    expect(errors).toEqual([{ in: 'query', pointer, detail: expect.stringContaining(words) }]);
  });

  it('refuses values that are not objects, and prototypes', async () => {
    for (const body of ['[]', '"x"', '1', 'null', 'true']) {
      const response = await api.request({
        method: 'POST',
        url: '/jobs',
        headers: { 'content-type': 'application/json' },
        payload: body,
      });
      const { errors } = expectProblem(response, 422, 'validation_failed');
      expect(errors).toMatchObject([{ pointer: '', detail: expect.stringContaining('dataset') }]);
    }
    const send = (payload: string) =>
      api.request({ method: 'POST', url: '/jobs', headers: { 'content-type': 'application/json' }, payload });
    for (const body of [
      '{"__proto__":{}}',
      '{"metadata":{"__proto__":"x"}}',
      '{"metadata":{"\\u005f_proto__":"x"}}',
      '[[{"__proto__":1}]]',
    ]) {
      expectProblem(await send(body), 400, 'malformed_request');
    }
    for (const body of [
      '{"constructor":{"prototype":{}}}',
      '{"prototype":1}',
      '{"toString":1}',
      '{"hasOwnProperty":1}',
    ]) {
      expectProblem(await send(body), 422, 'validation_failed');
    }
    expectProblem(await send(`{"training":{"toString":1,"constructor":{}}}`), 422, 'validation_failed');
  });
});
