import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type JobSpec, JobSpecSchema } from '../../src/contract/job-spec.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { isOfCurrentRules, resultKey } from '../../src/training/result-key.ts';

/** Of these, and of no others, jobs with one result may differ. */
const MAY_DIFFER = ['name', 'metadata', 'limits', 'priority', 'cache'];

const data = DATASETS.mnist.shape;
const key = (spec: unknown) => resultKey({ spec: spec as JobSpec, data });

const COMMON = {
  name: 'a job',
  metadata: { sweep: 'a' },
  limits: { max_seconds: 60 },
  loss: 'categorical_crossentropy',
  model: { hidden_units: [16, 8], output_initializer: 'zeros' },
  training: {
    class_weight: { 1: 2 },
    reduce_lr_on_plateau: {},
    early_stopping: { baseline: 0.5 },
  },
};

const SCHEDULES = [
  { type: 'exponential_decay', decay_steps: 10, decay_rate: 0.9 },
  { type: 'inverse_time_decay', decay_steps: 10, decay_rate: 0.9 },
  { type: 'polynomial_decay', decay_steps: 10 },
  { type: 'piecewise_constant_decay', boundaries: [10], values: [0.1, 0.01] },
  { type: 'cosine_decay', decay_steps: 10, warmup_steps: 5, warmup_target: 0.1 },
  { type: 'cosine_decay_restarts', first_decay_steps: 10 },
].map((schedule) => ({ initial_learning_rate: 0.1, ...schedule }));

const OPTIMIZERS = [
  ...['rmsprop', 'sgd', 'adagrad', 'adam', 'adamw', 'nadam', 'adamax', 'adadelta', 'lion'].flatMap((type) =>
    ['clipnorm', 'global_clipnorm', 'clipvalue'].map((clip) => ({ type, weight_decay: 0.1, [clip]: 1 })),
  ),
];

/** Specs that together name every option. */
const SPECS = OPTIMIZERS.map((optimizer) => parsed({ ...COMMON, optimizer }));
for (const { initial_learning_rate, ...schedule } of SCHEDULES) {
  const { reduce_lr_on_plateau: _, ...training } = COMMON.training;
  const rate =
    schedule.type === 'piecewise_constant_decay' ? schedule : { initial_learning_rate, ...schedule };
  SPECS.push(parsed({ ...COMMON, training, optimizer: { type: 'sgd', learning_rate: rate } }));
}

function parsed(spec: unknown): JobSpec {
  const result = JobSpecSchema.safeParse(spec);
  if (!result.success) throw new Error(`${JSON.stringify(spec)}: ${z.prettifyError(result.error)}`);
  return result.data;
}

/** Each spec that differs from this value in one place, with the path of that. */
function* changes(value: unknown, path: string[] = []): Generator<[path: string[], changed: unknown]> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, part] of Object.entries(value)) {
      for (const [where, changed] of changes(part, [...path, name])) {
        yield [
          where,
          Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed },
        ];
      }
    }
    if (Array.isArray(value)) yield [path, [...value, 1]];
    else if (path.length > 0) yield [path, { ...value, another: 1 }];
  } else if (typeof value === 'number') yield [path, value + 1];
  else if (typeof value === 'boolean') yield [path, !value];
  else yield [path, value === null ? 1 : `${value}x`];
}

/** The names of all properties in a JSON Schema. */
function namesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties } = schema as { properties?: object };
  return [...Object.keys(properties ?? {}), ...Object.values(schema).flatMap(namesIn)];
}

describe('the key of a result', () => {
  it('differs with each place of a spec that decides the result, and with no other', () => {
    const seen = new Set<string>();
    for (const spec of SPECS) {
      for (const [path, changed] of changes(spec)) {
        for (const name of path) seen.add(name);
        const isFree = MAY_DIFFER.includes(path[0]!) || path[0] === 'engine';
        expect(key(changed) === key(spec), path.join('.')).toBe(isFree);
      }
    }
    // No option is left out: one that is new must be in a spec above.
    const options = new Set(namesIn(z.toJSONSchema(JobSpecSchema, { io: 'output', unrepresentable: 'any' })));
    expect(options.size).toBeGreaterThan(50);
    expect([...options].filter((name) => !seen.has(name))).toEqual([]);
  });

  it('is one for all engines with the same bits', () => {
    const of = (engine: string) => key({ ...SPECS[0], engine });
    expect(new Set(['auto', 'native', 'wasm', 'reference'].map(of)).size).toBe(1);
    expect(of('tensorflow')).not.toBe(of('auto'));
  });

  it('differs with the data, and with what a fork began with', () => {
    const spec = SPECS[0]!;
    const parent = { checkpoint_sha256: 'a'.repeat(64), epoch: 3 };
    const keys = [
      key(spec),
      resultKey({ spec, data: { ...data, sha256: 'f'.repeat(64) } }),
      resultKey({ spec, data: { ...data, classes: ['one', 'two'] } }),
      resultKey({ spec, data, parent }),
      resultKey({ spec, data, parent: { ...parent, epoch: 4 } }),
      resultKey({ spec, data, parent: { ...parent, checkpoint_sha256: 'b'.repeat(64) } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not depend on the order of a spec, and names the rules', () => {
    const spec = SPECS[0]!;
    const turned = Object.fromEntries(Object.entries(spec).reverse());
    expect(key(turned)).toBe(key(spec));
    expect(key(spec)).toMatch(/^\d+\.[\w-]{43}$/);
    expect(isOfCurrentRules(key(spec))).toBe(true);
    expect(isOfCurrentRules(`0.${'a'.repeat(43)}`)).toBe(false);
  });
});
