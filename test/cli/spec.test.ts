import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readSpec } from '../../src/cli/spec.ts';
import { SpecFields } from '../../src/cli/spec-fields.ts';
import { JobRequestSchema } from '../../src/contract/job-spec.ts';
import { pairsOf } from './run-command.ts';

const fields = new SpecFields(JSON.parse(readFileSync('openapi/openapi.json', 'utf8')));
const set = async (...pairs: string[]) =>
  (await readSpec(undefined, { set: pairs }, async () => fields)).spec as Record<string, unknown>;

interface JsonSchema extends z.core.JSONSchema.JSONSchema {}

const { $defs = {}, ...SPEC } = z.toJSONSchema(JobRequestSchema, { io: 'input', unrepresentable: 'any' });

/** A key of a person's own, as labels and metadata have them. */
const OWN_KEY = 'an own.key';

/** Values that meet the schema; together they have each field, and each kind of value that a field may have. */
function examples(schema: JsonSchema): unknown[] {
  const { $ref, anyOf, oneOf, type, properties, additionalProperties, required = [] } = schema;
  if ($ref !== undefined) return examples($defs[$ref.split('/').at(-1)!]!);
  const members = (anyOf ?? oneOf) as JsonSchema[] | undefined;
  if (members !== undefined) return members.flatMap(examples);
  if (schema.const !== undefined) return [schema.const];
  if (schema.enum !== undefined) return schema.enum;
  switch (type) {
    case 'null':
      return [null];
    case 'boolean':
      return [true, false];
    case 'integer':
    case 'number':
      return [schema.maximum ?? 0.5];
    case 'array':
      return [[...examples(schema.items as JsonSchema), ...examples(schema.items as JsonSchema)]];
    case 'object': {
      const of = (name: string) => examples(properties![name] as JsonSchema);
      const least = Object.fromEntries(required.map((name) => [name, of(name)[0]]));
      if (properties !== undefined)
        return Object.keys(properties).flatMap((name) =>
          of(name).map((value) => ({ ...least, [name]: value })),
        );
      return examples(additionalProperties as JsonSchema).map((value) => ({ [OWN_KEY]: value }));
    }
    default:
      return [(schema.examples?.[0] as string | undefined) ?? '7'];
  }
}

const SPECS = examples(SPEC as JsonSchema) as Record<string, unknown>[];

describe('--set', () => {
  it('sets every field of a spec, to every kind of value, in any order', async () => {
    expect(SPECS.length).toBeGreaterThan(250);
    for (const spec of SPECS) expect(await set(...pairsOf(spec).toReversed())).toEqual(spec);
  });

  it('drops what another type may not have, and only where a type decides that', async () => {
    const sgd = 'optimizer={"type":"sgd","momentum":0.5}';
    expect(await set('optimizer.type=sgd', sgd)).toEqual({ optimizer: { type: 'sgd', momentum: 0.5 } });
    expect(await set('optimizer.type=adam', 'optimizer.clipnorm=1', sgd)).toEqual({
      optimizer: { type: 'adam', clipnorm: 1 },
    });
    expect(await set('metadata.type=b', 'metadata={"a":"1"}')).toEqual({ metadata: { a: '1', type: 'b' } });
  });

  it('takes the later of two, and what it does not understand as text', async () => {
    expect(await set('training.epochs=1', 'training.epochs=2')).toEqual({ training: { epochs: 2 } });
    const named = { epochs: '1', set: ['training.epochs=2'] };
    expect((await readSpec(undefined, named, async () => fields)).spec).toEqual({ training: { epochs: 2 } });
    expect(await set('training.epochs=ten', 'model.hidden_units=8,,x', '__proto__.a=1', 'a..b=')).toEqual({
      training: { epochs: 'ten' },
      model: { hidden_units: [8, 'x'] },
      ['__proto__']: { a: '1' },
      a: { '': { b: '' } },
    });
  });

  it('knows the fields that the contract has, and no others', () => {
    const paths = SPECS.flatMap((spec) => pairsOf(spec))
      .map((pair) => pair.slice(0, pair.indexOf('=')))
      .map((path) => path.replace(`.${OWN_KEY}`, ''));
    expect([...new Set(paths)].sort()).toEqual(
      fields
        .list()
        .map(({ path }) => path)
        .sort(),
    );
  });
});
