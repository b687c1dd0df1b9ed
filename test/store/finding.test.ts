import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { nominalRate } from '../../src/contract/learning-rate.ts';
import { FACT_SEPARATOR, FACTS, factsOf, SORTED_FACTS } from '../../src/store/facts.ts';
import { comparePlaces, type JobFilters, type Sort } from '../../src/store/finding.ts';
import type { Place } from '../../src/store/index-walk.ts';
import { JobIndexer } from '../../src/store/job-indexer.ts';
import { JobPacker } from '../../src/store/job-packer.ts';
import { jobOf, type StoredJob } from '../../src/store/job-view.ts';
import { resultMember } from '../../src/store/keys.ts';
import { created, FAILURE, metricsOf, openStore, resultOf, startOf, successOf } from './open-store.ts';

const { store, transitions, events, keys, redis } = openStore();

const NEWEST_FIRST: Sort = { by: 'created_at', descending: true };

interface Made {
  learningRate: number;
  optimizer: 'sgd' | 'adam';
  name: string | null;
  metadata: Record<string, string>;
  ends: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** null: it predicts a number. */
  accuracy: number | null;
  valLoss: number | null;
  /** Another job with the same spec follows one that succeeded. */
  again: 'cached' | 'verified' | 'differs' | null;
}

/** A job in the state that is asked for, with one epoch if it succeeded. */
async function make(owner: string, made: Made): Promise<string> {
  const spec = JobSpecSchema.parse({
    name: made.name,
    metadata: made.metadata,
    optimizer: { type: made.optimizer, learning_rate: made.learningRate },
    training: { epochs: 1 },
  });
  const id = await created(store, { owner, spec });
  if (made.ends === 'queued') return id;
  if (made.ends === 'cancelled') {
    await store.cancel(owner, id);
    return id;
  }
  const start = startOf();
  await transitions.start(id, start);
  if (made.ends === 'running') return id;
  if (made.ends === 'failed') {
    await transitions.finish(id, start.token, FAILURE);
    return id;
  }
  const metrics = { ...metricsOf(1), val_loss: made.valLoss };
  const progress = {
    epoch: 1,
    epochs: 1,
    step: 1,
    steps: 1,
    fraction: 1,
    eta_seconds: 0,
    steps_per_second: 1,
  };
  await transitions.epoch(id, start.token, { metrics, progress, checkpoints: undefined });
  const success = successOf(1);
  await transitions.finish(id, start.token, {
    ...success,
    result: {
      ...success.result,
      test: { loss: 1, accuracy: made.accuracy },
      best: {
        val_loss: made.valLoss === null ? null : { epoch: 1, value: made.valLoss },
        val_accuracy: null,
      },
    },
  });
  if (made.again === 'cached') {
    await created(store, { owner, spec, cached: await resultOf({ store, events }, id) });
  } else if (made.again !== null) {
    const hashes = { weights_sha256: 'a'.repeat(64), metrics_sha256: 'b'.repeat(64) };
    const by = await created(store, { owner, spec, verifies: { job: id, ...hashes } });
    const again = startOf();
    await transitions.start(by, again);
    await transitions.epoch(by, again.token, { metrics, progress, checkpoints: undefined });
    await transitions.finish(by, again.token, {
      ...success,
      verification: { verdict: made.again, job: id, by, expected: hashes, found: hashes },
    });
  }
  return id;
}

/** Names and metadata that hold what the index separates with. */
const hard = fc.constantFrom('a', 'ab', 'abc', 'a\x1fb', 'a%1fb', 'a=b', 'a:b', 'b', 'é', '😀', '\0');
const madeJob: fc.Arbitrary<Made> = fc.record({
  learningRate: fc.constantFrom(0.001, 0.01, 0.1, 1e-7),
  optimizer: fc.constantFrom('sgd', 'adam'),
  name: fc.option(hard),
  metadata: fc.dictionary(hard, hard, { maxKeys: 3 }),
  ends: fc.constantFrom('queued', 'running', 'succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled'),
  accuracy: fc.constantFrom(0.5, 0.9, 0.9765, 0.9766, null),
  valLoss: fc.option(fc.constantFrom(0.1, 0.2, 1e-7)),
  again: fc.constantFrom('cached', 'verified', 'differs', null, null),
});

const filtersOf: fc.Arbitrary<JobFilters> = fc.record(
  {
    statuses: fc.constantFrom(['succeeded'] as const, ['failed', 'cancelled'] as const, ['queued'] as const),
    optimizer: fc.constantFrom('sgd', 'adam'),
    engine: fc.constantFrom('reference', 'wasm'),
    name: hard,
    metadata: fc.array(fc.tuple(hard, hard), { maxLength: 2 }),
    numbers: fc.array(
      fc.record({
        fact: fc.constantFrom('learning_rate' as const, ...SORTED_FACTS),
        comparison: fc.constantFrom('gte', 'lte', 'gt', 'lt', 'eq'),
        value: fc.constantFrom(0.001, 0.1, 0.9, 0.9765, 0.2, 0),
      }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);

const sortOf: fc.Arbitrary<Sort> = fc.record({
  by: fc.constantFrom('created_at', ...SORTED_FACTS),
  descending: fc.boolean(),
});

const COMPARE = {
  gte: (a: number, b: number) => a >= b,
  lte: (a: number, b: number) => a <= b,
  gt: (a: number, b: number) => a > b,
  lt: (a: number, b: number) => a < b,
  eq: (a: number, b: number) => a === b,
};

/** The values of a job, from its JSON. */
const valuesOf = ({ spec, parameters, result }: StoredJob) => ({
  learning_rate: nominalRate(spec.optimizer.learning_rate),
  parameters,
  test_accuracy: result?.test.accuracy ?? null,
  val_loss: result?.best?.val_loss?.value ?? null,
  duration_seconds: result?.duration_seconds ?? null,
});

function passes(job: StoredJob, filters: JobFilters): boolean {
  const { statuses, optimizer, engine, name, metadata = [], numbers = [] } = filters;
  const { spec } = job;
  return (
    (statuses === undefined || statuses.includes(job.status)) &&
    (optimizer === undefined || spec.optimizer.type === optimizer) &&
    (engine === undefined || job.engine === engine) &&
    (name === undefined || spec.name?.startsWith(name) === true) &&
    metadata.every(([key, value]) => Object.hasOwn(spec.metadata, key) && spec.metadata[key] === value) &&
    numbers.every(({ fact, comparison, value }) => {
      const found = valuesOf(job)[fact];
      return found !== null && COMPARE[comparison](found, value);
    })
  );
}

/** All pages of a list. */
async function listed(owner: string, filters: JobFilters, sort: Sort, limit: number): Promise<string[]> {
  const ids: string[] = [];
  let after: Place | undefined;
  do {
    const page = await store.list(owner, { filters, sort, limit, after });
    expect(page.jobs.length).toBeGreaterThan(page.next === undefined ? -1 : 0);
    ids.push(...page.jobs.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

async function everyJob(owner: string): Promise<StoredJob[]> {
  const { jobs } = await store.list(owner, { limit: 1000 });
  return jobs.map(jobOf);
}

/** What the indexes of an owner hold, and what they would hold if they were made from the jobs. */
async function indexes(owner: string): Promise<[stored: object, rebuilt: object]> {
  const jobs = await everyJob(owner);
  const stored: Record<string, unknown> = {};
  const rebuilt: Record<string, unknown> = {};
  for (const fact of SORTED_FACTS) {
    const members = await redis.zrange(keys.sorted(fact, owner), 0, -1, 'WITHSCORES');
    stored[fact] = Object.fromEntries(
      members.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(members[i + 1])]] : [])),
    );
    rebuilt[fact] = Object.fromEntries(
      jobs.flatMap((job) => (valuesOf(job)[fact] === null ? [] : [[job.id, valuesOf(job)[fact]]])),
    );
  }
  const labels = await redis.zrangebylex(keys.labels, `[${owner}:`, `(${owner};`);
  stored.labels = labels.length;
  rebuilt.labels = jobs.reduce(
    (sum, { spec }) => sum + Object.keys(spec.metadata).length + (spec.name === null ? 0 : 1),
    0,
  );
  stored.results = await redis.zrangebylex(keys.results, `[${owner}:`, `(${owner};`);
  rebuilt.results = jobs
    .filter(({ result, verification }) => result !== null && verification?.verdict !== 'differs')
    .map(({ id }) => resultMember(owner, successOf(1).resultKey, id))
    .sort();
  stored.facts = await redis.hgetall(keys.facts(owner));
  rebuilt.facts = Object.fromEntries(
    jobs.map((job) => {
      const created_at = Date.parse(job.created_at);
      return [job.id, factsOf({ ...job, created_at, engine: job.engine ?? '' }, job.result ?? undefined)];
    }),
  );
  return [stored, rebuilt];
}

it('finds and sorts what a search of all jobs would, page by page', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(madeJob, { minLength: 5, maxLength: 25 }),
      fc.array(fc.tuple(filtersOf, sortOf, fc.constantFrom(1, 3, 100)), { minLength: 10, maxLength: 10 }),
      async (made, questions) => {
        const owner = `find-${crypto.randomUUID().slice(0, 8)}`;
        for (const job of made) await make(owner, job);
        const jobs = await everyJob(owner);
        for (const [filters, sort, limit] of questions) {
          const wanted = jobs
            .filter((job) => passes(job, filters))
            .map((job) => ({ id: job.id, value: sort.by === 'created_at' ? null : valuesOf(job)[sort.by] }))
            .sort(comparePlaces(sort))
            .map(({ id }) => id);
          expect(await listed(owner, filters, sort, limit), JSON.stringify({ filters, sort })).toEqual(
            wanted,
          );
        }
        const [stored, rebuilt] = await indexes(owner);
        expect(stored).toEqual(rebuilt);
        for (const { id, status } of jobs.slice(0, 5)) {
          if (['succeeded', 'failed', 'cancelled'].includes(status)) await store.remove(owner, id);
        }
        expect((await indexes(owner))[0]).toEqual((await indexes(owner))[1]);
        const heir = `${owner}-heir`;
        for (const { id } of await everyJob(owner)) await store.adopt(owner, heir, id);
        for (const each of [owner, heir]) expect((await indexes(each))[0]).toEqual((await indexes(each))[1]);
      },
    ),
    { numRuns: 12, seed: 1 },
  );
});

describe('more jobs than one look takes', () => {
  it('are found in order when the index of no filter is short', async () => {
    const owner = 'many';
    const metadata = { sweep: 'a' };
    const spec = JobSpecSchema.parse({ metadata });
    const rare = JobSpecSchema.parse({ metadata, optimizer: { type: 'sgd' } });
    const ids: string[] = [];
    for (let i = 0; i < 1200; i += 100) {
      const batch = Array.from({ length: 100 }, (_, j) =>
        created(store, { owner, spec: j % 50 === 0 ? rare : spec }),
      );
      ids.push(...(await Promise.all(batch)));
    }
    const found = await listed(owner, { metadata: [['sweep', 'a']], optimizer: 'sgd' }, NEWEST_FIRST, 7);
    expect(found).toHaveLength(24);
    expect(found).toEqual([...found].sort().reverse());
    const byAccuracy = { by: 'test_accuracy', descending: true } as const;
    expect(await listed(owner, { metadata: [['sweep', 'a']], optimizer: 'sgd' }, byAccuracy, 7)).toEqual(
      found,
    );
  }, 120_000);

  it('have the same value, and each is listed once', async () => {
    const owner = 'equal';
    const ids = await Promise.all(Array.from({ length: 300 }, () => created(store, { owner })));
    await redis.zadd(keys.sorted('test_accuracy', owner), ...ids.flatMap((id) => [0.5, id]));
    for (const id of ids) {
      const facts = (await redis.hget(keys.facts(owner), id))!.split(FACT_SEPARATOR);
      facts[FACTS.indexOf('test_accuracy')] = '0.5';
      await redis.hset(keys.facts(owner), id, facts.join(FACT_SEPARATOR));
    }
    const sorted = [...ids].sort();
    expect(await listed(owner, {}, { by: 'test_accuracy', descending: false }, 37)).toEqual(sorted);
    expect(await listed(owner, {}, { by: 'test_accuracy', descending: true }, 37)).toEqual(sorted.reverse());
  });
});

describe('a date', () => {
  it('is that of the record, to the millisecond', async () => {
    const owner = 'dates';
    const ids = [await created(store, { owner }), await created(store, { owner })];
    // As if Redis's clock had been five seconds behind.
    const shifted = async (id: string, ms: number) => {
      const facts = (await redis.hget(keys.facts(owner), id))!.split(FACT_SEPARATOR);
      facts[0] = `${Number(facts[0]) + ms}`;
      await redis.hset(keys.facts(owner), id, facts.join(FACT_SEPARATOR));
      return Number(facts[0]);
    };
    const [early, late] = [await shifted(ids[0]!, -5000), await shifted(ids[1]!, 5000)];
    const found = (filters: JobFilters) => listed(owner, filters, NEWEST_FIRST, 10);
    expect(await found({ createdFrom: early, createdBefore: late })).toEqual([ids[0]]);
    expect(await found({ createdFrom: early + 1 })).toEqual([ids[1]]);
    expect(await found({ createdFrom: early + 1, createdBefore: late })).toEqual([]);
    expect(await found({ createdFrom: late, statuses: ['queued'] })).toEqual([ids[1]]);
  });

  it('holds because a job is refused whose id tells another time', async () => {
    const job = { id: 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W', owner: 'dates' };
    await expect(created(store, job)).rejects.toThrow('wrong_clock');
    expect(await redis.exists(keys.job(job.id))).toBe(0);
  });
});

describe('jobs of an older version', () => {
  it('get their facts, whether live, ended or packed; the job shows no change', async () => {
    const owner = 'older';
    const all = {
      learningRate: 0.01,
      optimizer: 'sgd',
      metadata: { a: 'b' },
      accuracy: 0.9,
      valLoss: 0.2,
      again: null,
    } as const;
    const ids = [
      await make(owner, { ...all, name: 'packed', ends: 'succeeded' }),
      await make(owner, { ...all, name: 'ended', ends: 'succeeded' }),
      await make(owner, { ...all, name: 'live', ends: 'running' }),
      await make(owner, { ...all, name: null, ends: 'failed' }),
      // It predicts a number: that it has no accuracy is no reason to index it again.
      await make(owner, { ...all, name: 'number', ends: 'succeeded', accuracy: null }),
    ];
    await redis.zincrby(keys.finished, -60_000, ids[0]!);
    await new JobPacker(redis, keys).packFinished();
    const before = await indexes(owner);
    const jobs = await everyJob(owner);
    // As 0.1.0 left them, one ended by its worker under a newer API.
    for (const id of [ids[0]!, ids[2]!, ids[3]!, ids[4]!]) await redis.hdel(keys.facts(owner), id);
    const half = (await redis.hget(keys.facts(owner), ids[1]!))!.split(FACT_SEPARATOR);
    for (const fact of SORTED_FACTS) half[FACTS.indexOf(fact)] = '';
    await redis.hset(keys.facts(owner), ids[1]!, half.join(FACT_SEPARATOR));
    for (const fact of SORTED_FACTS) await redis.del(keys.sorted(fact, owner));
    await redis.del(keys.labels);
    const byName = { name: 'packed' };
    expect(await listed(owner, byName, NEWEST_FIRST, 10)).toEqual([]);

    const indexer = new JobIndexer(redis, keys);
    expect(await indexer.indexJobs()).toBeGreaterThanOrEqual(4);
    expect(await listed(owner, byName, NEWEST_FIRST, 10)).toEqual([ids[0]]);
    expect(await indexes(owner)).toEqual(before);
    expect(await everyJob(owner)).toEqual(jobs);
    expect(await indexer.indexJobs()).toBe(0);
  });

  it('are found although the events of one of them are damaged', async () => {
    const owner = 'damaged';
    const all = {
      learningRate: 0.01,
      optimizer: 'sgd',
      metadata: {},
      accuracy: 0.9,
      valLoss: 0.2,
      again: null,
    } as const;
    const ids = [
      await make(owner, { ...all, name: 'damaged', ends: 'succeeded' }),
      await make(owner, { ...all, name: 'whole', ends: 'succeeded' }),
    ];
    for (const id of ids) {
      const result = JSON.parse((await redis.hget(keys.job(id), 'result'))!);
      delete result.best;
      await redis.hset(keys.job(id), 'result', JSON.stringify(result));
      await redis.hdel(keys.facts(owner), id);
    }
    await redis.set(keys.events(ids[0]!), 'no events');
    expect(await new JobIndexer(redis, keys).indexJobs()).toBe(1);
    expect(await listed(owner, { name: 'whole' }, NEWEST_FIRST, 10)).toEqual([ids[1]]);
  });
});
