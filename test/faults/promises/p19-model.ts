import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { ulid } from 'ulid';
import type { JobStatus } from '../../../src/contract/job.ts';
import { JobSpecSchema } from '../../../src/contract/job-spec.ts';
import { resolveDataset } from '../../../src/dataset/registry.ts';
import { FACT_SEPARATOR, FACTS, type FactName, metadataLabel, nameLabel } from '../../../src/store/facts.ts';
import { JobControl } from '../../../src/store/job-control.ts';
import { JobEvents } from '../../../src/store/job-events.ts';
import { JobTransitions } from '../../../src/store/job-transitions.ts';
import { JobStore } from '../../../src/store/jobs.ts';
import { labelMember } from '../../../src/store/keys.ts';
import { Broken, type Experiment } from '../experiment.ts';
import { Site } from '../site.ts';
import { answerOf, type ModelJob, type Move, STEPS_PER_EPOCH } from './p19-model-job.ts';

/**
 * Random sequences of transitions on one job: by its worker, by zombies with old tokens, with old deliveries and
 * repeats. Real Redis must give the answers and the final state of the table in ARCHITECTURE.md; fast-check shrinks
 * sequences that disagree.
 */

const SEQUENCES = 250;
const MOST_MOVES = 30;
const MOST_MS = 30_000;
const HOUR_MS = 3_600_000;

export const model: Experiment = {
  name: 'model',
  rows: [
    {
      id: 'P19',
      promise: 'Legal states only',
      fault: `random sequences of up to ${MOST_MOVES} transitions, with zombies, old deliveries and repeats; n counts sequences`,
      designN: 10_000,
    },
  ],
  n: 10_000,
  shortN: SEQUENCES,
  seconds: 40,
  run: async (trial) => {
    const site = await trial.lend('redis', async () => {
      const bare = Site.bare();
      await bare.startRedis();
      return bare;
    });
    const property = fc.asyncProperty(fc.array(moves, { minLength: 1, maxLength: MOST_MOVES }), (sequence) =>
      play(site, sequence),
    );
    const found = await fc.check(property, {
      seed: trial.seed | 0,
      numRuns: SEQUENCES,
      // Shrinking may take long and the machine may be slow: only sequences that ran are counted.
      plugins: [fc.interruptAfterTimeLimit(MOST_MS)],
    });
    if (found.failed) throw new Broken(`${fc.defaultReportMessage(found)}\n${found.errorInstance}`);
    return [{ n: found.numRuns }];
  },
};

/** Selects a token: 0 = the last one used, 1 = the one before, 2 = one that was never used. */
const whose = fc.constantFrom(0, 0, 0, 0, 1, 2);
const isOld = fc.constantFrom(false, false, false, true);

const moves: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ step: fc.constant('start'), again: isOld, oldDelivery: isOld, oldRead: isOld }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('epoch'),
      whose,
      ahead: fc.constantFrom(1, 1, 1, 0, -1, 2),
      checkpoint: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('progress'),
      whose,
      ahead: fc.constantFrom(1, 1, 0, -1),
      due: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('requeue'),
      whose: fc.constantFrom<number | 'nobody'>(0, 0, 0, 1, 2, 'nobody'),
      oldDelivery: isOld,
      fault: fc.boolean(),
      lost: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('pause'), now: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('resume') }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('cancel') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('finish'),
      whose,
      how: fc.constantFrom('succeeded', 'failed', 'cancelled'),
      wrongEpoch: isOld,
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('remove') }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('repeat') }) },
) as fc.Arbitrary<Move>;

async function play(site: Site, sequence: readonly Move[]): Promise<void> {
  const store = new JobStore(site.commands, site.keys);
  const transitions = new JobTransitions(site.commands, site.keys);
  const control = new JobControl(site.commands, site.keys, store);
  const id = `job_${ulid()}`;
  await store.create({
    owner: 'local',
    id,
    spec: JobSpecSchema.parse({ name: NAME, metadata: { model: '1' } }),
    data: resolveDataset('mnist'),
    isUpload: false,
    parameters: 1,
    progress: PROGRESS,
    version: '0.0.0',
    accepting: true,
    maxQueued: 1_000_000,
    queuedQuota: undefined,
    storageQuota: undefined,
    runningQuota: 'none',
  });
  const job: ModelJob = {
    status: 'queued',
    delivery: 1,
    attempt: 0,
    faults: 0,
    epoch: 0,
    done: 0,
    told: 0,
    checkpoint: 0,
    token: undefined,
    pausesNow: false,
    toTidy: false,
    released: undefined,
    events: ['job.queued'],
  };
  const tokens: string[] = [];
  const token = (which: number) => (which === 2 ? 'nobody' : (tokens.at(-1 - which) ?? 'nobody'));
  const setLastEvent = async (atMs: number) => {
    // A removed record must not reappear.
    if (job.status !== 'gone') await site.commands.hset(site.keys.job(id), 'event_at', atMs);
  };
  let last: (() => Promise<{ outcome: string }>) | undefined;
  let lastAnswer = '';
  const told: string[] = [];
  for (const move of sequence) {
    let run: () => Promise<{ outcome: string }>;
    let expected: string;
    if (move.step === 'repeat') {
      // Repeats the call like a client library that lost the reply, except a requeue without a token: each is a new one.
      if (last === undefined) continue;
      run = last;
      expected = lastAnswer;
    } else {
      const call = callOf(move, job, id, token, tokens, transitions, { store, control }, setLastEvent);
      expected = answerOf(job, call.asked);
      run = call.run;
      last = call.repeatable ? run : undefined;
      lastAnswer = expected;
    }
    const { outcome } = await run();
    told.push(`${JSON.stringify(move)} -> ${outcome}`);
    const story = () => `\n${told.join('\n')}`;
    if (outcome !== expected) throw new Error(`answered ${outcome}, not ${expected}${story()}`);
    await compare(site, id, job, story);
  }
  await site.commands.del(site.keys.job(id), site.keys.events(id));
}

const NAME = 'a name';

const PROGRESS = {
  epoch: 0,
  epochs: 3,
  step: 0,
  steps: 300,
  fraction: 0,
  eta_seconds: null,
  steps_per_second: null,
};
const ERROR = { code: 'trainer_crashed', message: 'three times', retryable: true } as const;
const FILE = { name: '1-model.bin', sha256: 'a'.repeat(64) };
const RESULT = {
  test: { loss: 0.1, accuracy: 0.9 },
  train: { loss: 0.1, accuracy: 0.9 },
  validation: null,
  training_seconds: 1,
  weights_sha256: 'a'.repeat(64),
  metrics_sha256: 'a'.repeat(64),
};

/** A move as a call of the store and as a request to the model. */
function callOf(
  move: Exclude<Move, { step: 'repeat' }>,
  job: ModelJob,
  id: string,
  token: (which: number) => string,
  tokens: string[],
  transitions: JobTransitions,
  { store, control }: { store: JobStore; control: JobControl },
  setLastEvent: (atMs: number) => Promise<void>,
): { asked: Parameters<typeof answerOf>[1]; run: () => Promise<{ outcome: string }>; repeatable: boolean } {
  const delivery = (old: boolean) => Math.max(1, job.delivery - (old ? 1 : 0));
  switch (move.step) {
    case 'start': {
      if (!move.again || tokens.length === 0) tokens.push(randomUUID());
      const asked = {
        step: 'start',
        token: tokens.at(-1)!,
        delivery: delivery(move.oldDelivery),
        attempt: job.attempt - (move.oldRead ? 1 : 0),
        checkpoint: job.checkpoint,
      } as const;
      const start = {
        delivery: asked.delivery,
        token: asked.token,
        worker: 'host/1',
        engine: 'wasm',
        read: { attempt: asked.attempt, checkpointEpoch: asked.checkpoint },
        fromEpoch: job.checkpoint,
        lostReason: 'lost',
        lostError: ERROR,
      } as const;
      return { asked, run: () => transitions.start(id, start), repeatable: true };
    }
    case 'epoch': {
      const epoch = Math.max(1, job.epoch + move.ahead);
      const metrics = {
        epoch,
        step: STEPS_PER_EPOCH * epoch,
        loss: 1,
        accuracy: 0.5,
        val_loss: null,
        val_accuracy: null,
        learning_rate: 0.001,
        duration_seconds: 1,
        steps_per_second: 1,
      };
      const checkpoints = move.checkpoint ? [{ ...FILE, name: `1-${epoch}.ckpt`, epoch }] : undefined;
      const asked = { step: 'epoch', token: token(move.whose), epoch, checkpoint: move.checkpoint } as const;
      return {
        asked,
        run: () => transitions.epoch(id, asked.token, { metrics, progress: PROGRESS, checkpoints }),
        repeatable: true,
      };
    }
    case 'progress': {
      const done = Math.max(0, job.done + move.ahead);
      const asked = { step: 'progress', token: token(move.whose), done, due: move.due } as const;
      const told = { ...PROGRESS, step: done };
      const run = async () => {
        // Sets the time instead of waiting for a second, or hoping that none passes. Later moves use the true time.
        await setLastEvent(move.due ? 0 : Date.now() + HOUR_MS);
        const answer = await transitions.progress(id, asked.token, told);
        await setLastEvent(0);
        return answer;
      };
      return { asked, run, repeatable: true };
    }
    case 'requeue': {
      const asked = {
        step: 'requeue',
        token: move.whose === 'nobody' ? undefined : token(move.whose),
        delivery: delivery(move.oldDelivery),
        fault: move.fault,
        lost: move.lost,
      } as const;
      const how = {
        delivery: asked.delivery,
        outcome: move.fault ? 'trainer_crashed' : 'drained',
        reason: 'a fault',
        error: move.fault ? ERROR : undefined,
      } as const;
      const { token: given, lost } = asked;
      const run = () =>
        given === undefined
          ? transitions.giveBack(id, { ...how, lost })
          : transitions.requeue(id, { ...how, token: given });
      return { asked, run, repeatable: given !== undefined };
    }
    case 'finish': {
      const { how } = move;
      const asked = {
        step: 'finish',
        token: token(move.whose),
        how,
        epoch: job.epoch + (move.wrongEpoch ? 1 : 0),
      } as const;
      const finish =
        how === 'succeeded'
          ? ({
              status: how,
              epoch: asked.epoch,
              result: RESULT,
              evaluation: FILE,
              model: FILE,
              resultKey: '2.k',
            } as const)
          : how === 'failed'
            ? ({ status: how, error: { ...ERROR, code: 'diverged' } } as const)
            : ({ status: how } as const);
      return { asked, run: () => transitions.finish(id, asked.token, finish), repeatable: true };
    }
    case 'pause':
      return { asked: move, run: () => control.pause('local', id, move.now), repeatable: true };
    case 'resume':
      return { asked: move, run: () => control.resume('local', id), repeatable: true };
    case 'cancel':
      return { asked: move, run: () => store.cancel('local', id), repeatable: true };
    case 'remove':
      return { asked: move, run: () => store.remove('local', id), repeatable: true };
  }
}

/** Compares the state in Redis with the model. */
async function compare(site: Site, id: string, job: ModelJob, story: () => string): Promise<void> {
  const { commands, keys } = site;
  const fields = [
    ...['status', 'delivery', 'attempt', 'faults', 'epoch'],
    ...['progress_step', 'progress_events', 'checkpoint_epoch', 'token', 'pause_now'],
  ];
  const [values, queued, live, finished, trash, outbox, events] = await Promise.all([
    commands.hmget(keys.job(id), ...fields),
    commands.zscore(keys.queued, id),
    commands.sismember(keys.live, id),
    commands.zscore(keys.finished, id),
    commands.sismember(keys.trash, id),
    commands.zscore(keys.outbox, `${id}-${job.delivery + (job.toTidy ? 1 : 0)}`),
    new JobEvents(commands, keys).read(id, { after: 0, limit: 1000 }),
  ]);
  const [facts, accuracy, named, tagged] = await Promise.all([
    commands.hget(keys.facts('local'), id),
    commands.zscore(keys.sorted('test_accuracy', 'local'), id),
    commands.zscore(keys.labels, labelMember('local', nameLabel(NAME), id)),
    commands.zscore(keys.labels, labelMember('local', metadataLabel('model', '1'), id)),
  ]);
  const fact = (name: FactName) => facts?.split(FACT_SEPARATOR)[FACTS.indexOf(name)] ?? null;
  const gone = job.status === 'gone';
  const terminal = ['succeeded', 'failed', 'cancelled'].includes(job.status);
  const found = {
    record: Object.fromEntries(fields.map((field, i) => [field, values[i] ?? null])),
    queued: queued !== null,
    live: live === 1,
    finished: finished !== null,
    trash: trash === 1,
    outbox: outbox !== null,
    engine: fact('engine'),
    accuracy: [fact('test_accuracy'), accuracy === null ? null : Number(accuracy)],
    labels: [named !== null, tagged !== null],
    events: events.map(({ type }) => type),
    seqs: events.map(({ seq }) => seq),
  };
  const text = (value: number) => String(value);
  /** Fields that only a job which has not ended needs. */
  const whileLive = (value: number) => (terminal ? null : text(value));
  const wanted = {
    record: gone
      ? Object.fromEntries(fields.map((field) => [field, null]))
      : {
          status: job.status as JobStatus,
          delivery: whileLive(job.delivery),
          attempt: text(job.attempt),
          faults: whileLive(job.faults),
          epoch: text(job.epoch),
          progress_step: whileLive(job.done),
          progress_events: whileLive(job.told),
          checkpoint_epoch: whileLive(job.checkpoint),
          token: job.token ?? null,
          pause_now: job.pausesNow ? 'yes' : null,
        },
    queued: job.status === 'queued',
    live: !gone && !terminal,
    finished: terminal,
    trash: gone,
    // Nothing here enqueues the delivery and removes it from the outbox.
    outbox: (!gone && !terminal && job.status !== 'paused') || job.toTidy,
    engine: gone ? null : job.attempt > 0 ? 'wasm' : '',
    accuracy: gone ? [null, null] : job.status === 'succeeded' ? ['0.9', 0.9] : ['', null],
    labels: [!gone, !gone],
    events: gone ? [] : job.events,
    seqs: gone ? [] : job.events.map((_, i) => i + 1),
  };
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(
      `Redis has\n${JSON.stringify(found)}\nand the model\n${JSON.stringify(wanted)}${story()}`,
    );
}
