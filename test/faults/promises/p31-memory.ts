import { setTimeout as sleep } from 'node:timers/promises';
import { JobSpecSchema } from '../../../src/contract/job-spec.ts';
import { resolveDataset } from '../../../src/dataset/registry.ts';
import { type JobInput, jobLayout } from '../../../src/training/job-engine.ts';
import { jobMemoryBytes } from '../../../src/training/job-memory.ts';
import { MemoryGroup } from '../../support/memory-group.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import type { Random } from '../random.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { resumable } from '../specs.ts';

const MIB = 2 ** 20;
/** Room for a worker and for trainers of small jobs. */
const GROUP_MB = 500;
/** What an operator who does not know of the limit might allow. */
const ALLOWED_MB = 1_500;
const NEIGHBOURS = 2;
const REFUSED = 10;
const WIDEST = 4_096;
/** The API refuses larger models for their size. */
const MOST_PARAMETERS = 20_000_000;

/** Admitted by ALLOWED_MB, but it does not fit into the group. */
const HUGE = {
  dataset: 'mnist_sample',
  engine: 'wasm',
  model: { hidden_units: [WIDEST, 3_900] },
  optimizer: { type: 'adam', amsgrad: true },
  training: { epochs: 50, batch_size: 64, seed: 1 },
};

export const outOfMemory: Experiment = {
  name: 'out-of-memory',
  rows: [
    {
      id: 'P31',
      promise:
        'Out of memory hits one job: it fails with out_of_memory, once, and its neighbours end undisturbed',
      fault: `a job of more than ${GROUP_MB} MB, let in by a wrong WORKER_MEMORY_MB, beside ${NEIGHBOURS} others in a control group of ${GROUP_MB} MB: the kernel kills its trainer (exit 137)`,
      designN: 50,
    },
    {
      id: 'P31',
      promise: 'Admission refuses every job sized past the limit of the control group: 422 with both numbers',
      fault: 'POST of such jobs; n counts jobs',
      designN: 50,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 120,
  missing: MemoryGroup.missing,
  run: async (trial) => {
    const { random } = trial;
    const strict = await trial.lend('strict site', () => startIn(trial.lend('strict group', groupOf), {}));
    await inParallel(4, oversized(random), (spec) => assertRefused(strict, spec));
    const site = await trial.lend('site', () =>
      startIn(trial.lend('group', groupOf), { WORKER_MEMORY_MB: String(ALLOWED_MB) }),
    );
    const before = random.chance(0.5);
    const neighbours = random.some(NEIGHBOURS, resumable(25));
    if (before) for (const spec of neighbours) await site.client.create(spec);
    await sleep(random.between(0, 1_000));
    const huge = await site.client.create(HUGE);
    if (!before) for (const spec of neighbours) await site.client.create(spec);
    trial.note(`the large job comes ${before ? 'last' : 'first'}`);
    const endings = await reconcile(trial, site, { mayFail: ({ error }) => error!.code === 'out_of_memory' });
    for (const { job } of endings) {
      const { id, status, error, attempts } = job;
      trial.note(`${id} ${status} ${error?.message ?? ''}`);
      assertKept(attempts.length === 1, `${id} was tried ${attempts.length} times`);
      const expected = id === huge.id ? 'out_of_memory' : undefined;
      assertKept(error?.code === expected, `${id} is ${status}: ${error?.code}`);
    }
    return [{ n: 1 }, { n: REFUSED }];
  },
};

const groupOf = async () => new MemoryGroup(GROUP_MB * MIB);

async function startIn(group: Promise<MemoryGroup>, env: Record<string, string>): Promise<Site> {
  const { env: entering } = await group;
  const site = await Site.start({ workers: 0, concurrency: 1 + NEIGHBOURS });
  await site.startWorker({ ...entering, ...env });
  return site;
}

/** Jobs that need more than the whole group has. */
function oversized(random: Random): object[] {
  const found: object[] = [];
  while (found.length < REFUSED) {
    const hidden_units = Array.from({ length: random.between(2, 8) }, () => random.between(500, WIDEST));
    const optimizer = { type: random.pick(['adam', 'rmsprop', 'sgd'] as const) };
    const training = { batch_size: random.between(1, WIDEST) };
    const spec = { dataset: 'mnist', engine: 'wasm', model: { hidden_units }, optimizer, training };
    const { parameters } = jobLayout(inputOf(spec));
    if (parameters <= MOST_PARAMETERS && neededMb(spec) > GROUP_MB) found.push(spec);
  }
  return found;
}

function inputOf(given: object): JobInput {
  const spec = JobSpecSchema.parse(given);
  return { spec, data: resolveDataset(spec.dataset) };
}

const neededMb = (spec: object): number => Math.ceil(jobMemoryBytes(inputOf(spec)) / MIB);

async function assertRefused(site: Site, spec: object): Promise<void> {
  const { status, body } = await site.client.insist(
    'create',
    '/jobs',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(spec) },
    {},
  );
  const { code, detail } = JSON.parse(body) as { code: string; detail: string };
  assertKept(status === 422 && code === 'job_too_large', `${JSON.stringify(spec)}: ${status} ${body}`);
  const [needed, most] = [...detail.matchAll(/(\d+) MB/g)].map(([, megabytes]) => Number(megabytes));
  assertKept(needed === neededMb(spec), `it needs ${neededMb(spec)} MB: ${detail}`);
  assertKept(most !== undefined && most < GROUP_MB, `a group of ${GROUP_MB} MB: ${detail}`);
}
