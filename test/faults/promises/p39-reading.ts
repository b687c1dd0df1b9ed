import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FeedEventListSchema, FeedEventSchema } from '../../../src/contract/job-event.ts';
import { ModelFormatSchema } from '../../../src/contract/model-export.ts';
import { ProblemSchema } from '../../../src/contract/problem.ts';
import { messagesOf } from '../../support/event-stream.ts';
import { assertKept, Broken, type Experiment, type Trial } from '../experiment.ts';
import { reconcile, recordOf } from '../reconcile.ts';
import { Site } from '../site.ts';
import { manyEpochs, tinySpec } from '../specs.ts';

const READERS = 3;
const FINISHED = 2;
/** Of the finished jobs, so that a list has them alone. */
const NAME = 'finished';
const EPOCHS = 40;
const SLOWEST_SECONDS = 5;
/** Those of Node, libuv and two for models. */
const MOST_THREADS = 16;
const FAULTS = ['Redis stopped', 'Redis killed', 'Redis silent', 'API killed', 'worker killed'] as const;
const DAMAGES = ['missing', 'damaged'] as const;

export const reading: Experiment = {
  name: 'reading',
  rows: [
    {
      id: 'P39',
      promise:
        'What is read is right or a problem that is documented: models in every form, predictions, comparisons, charts, lists, test rows. No 500, no cut body, no wait without an end',
      fault: `${FAULTS.join(', ')}, in turn, for up to 2 s while ${READERS} readers ask; then the file of a model is missing or damaged; n counts answers`,
      designN: 1_000,
      figure: `s: the slowest answer (<= ${SLOWEST_SECONDS})`,
    },
    {
      id: 'P39',
      promise: 'The live feed of all jobs goes on after Last-Event-ID: no gap, no duplicate',
      fault: 'the same; n counts events',
      designN: 1_000,
    },
  ],
  n: 4_000,
  shortN: 0,
  seconds: 60,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 1 }));
    const ids: string[] = [];
    while (ids.length < FINISHED)
      ids.push((await site.client.create({ ...tinySpec(random), name: NAME })).id);
    for (const id of ids) await site.toEnd(id);
    const questions = questionsOf(ids);
    const right = new Map<string, string>();
    for (const question of questions) {
      const answer = await ask(site, question);
      assertKept(answer.status === 200, `${question.path}: ${JSON.stringify(answer)}`);
      right.set(question.path, answer.sha256);
    }
    const seen = await endOfFeed(site);
    const running = [
      await site.client.create(manyEpochs(EPOCHS)),
      await site.client.create(manyEpochs(EPOCHS)),
    ];
    const feed = new FeedReader(
      site,
      running.map(({ id }) => id),
      seen,
    );
    const fault = FAULTS[trial.number % FAULTS.length]!;
    let n = 0;
    let good = 0;
    let worst = 0;
    let asking = true;
    const readers = Array.from({ length: READERS }, () => random.strand());
    const asked = Promise.all(
      readers.map(async (own) => {
        while (asking) {
          const question = own.pick(questions);
          const startedMs = performance.now();
          const answer = await ask(site, question, fault === 'API killed');
          worst = Math.max(worst, (performance.now() - startedMs) / 1000);
          n++;
          if (answer.status === 200) {
            good++;
            assertKept(answer.sha256 === right.get(question.path), `${question.path} has another answer`);
          } else assertKept(answer.status !== 404, `${question.path}: ${JSON.stringify(answer)}`);
        }
      }),
    );
    await Promise.race([asked, strike(trial, site, fault)]);
    await site.ready();
    asking = false;
    await asked;
    trial.note(`${n} answers, ${good} of them in full, the slowest after ${worst.toFixed(2)} s`);
    trial.assertWithin(SLOWEST_SECONDS, worst, 'an answer');
    await allRight(site, questions, right);
    const events = await feed.end(fault === 'Redis killed');
    n += await spoil(site, ids[0]!, random.pick(DAMAGES), questions, right);
    const threads = threadsOf(site.apiPid);
    trial.note(`${threads} threads`);
    assertKept(threads <= MOST_THREADS, `the API has ${threads} threads`);
    await reconcile(trial, site, { faults: true, redisForgets: fault === 'Redis killed' });
    return [{ n, worst }, { n: events }];
  },
};

interface Question {
  path: string;
  init?: RequestInit;
  /** Whether the answer needs the file of the first job's model. */
  needsModel?: true;
}

function questionsOf(ids: readonly string[]): Question[] {
  const [first] = ids;
  const job = `/jobs/${first}`;
  const jobs = `jobs=${ids.join(',')}`;
  const row = JSON.stringify({ inputs: [Array.from({ length: 784 }, (_, i) => i % 256)] });
  const json = { 'content-type': 'application/json' };
  const models = [
    ...ModelFormatSchema.options.map((format) => `/model?format=${format}`),
    '/model/tfjs/model.json',
    '/model/tfjs/weights.bin',
  ];
  return [
    ...models.map((path): Question => ({ path: `${job}${path}`, needsModel: true })),
    { path: `${job}/evaluation/rows?actual=4`, needsModel: true },
    { path: `${job}/predict`, init: { method: 'POST', headers: json, body: row }, needsModel: true },
    ...[
      '/metrics',
      '/metrics?format=tensorboard',
      '/evaluation',
      '/charts/confusion.svg',
      '/events?limit=1000',
    ].map((path) => ({ path: `${job}${path}` })),
    { path: `/compare?${jobs}` },
    ...['loss', 'accuracy', 'val_loss', 'val_accuracy'].map((chart) => ({
      path: `/compare/charts/${chart}.svg?${jobs}`,
    })),
    { path: `/jobs?status=succeeded&name=${NAME}&engine=wasm&sort=-test_accuracy&format=csv` },
  ];
}

interface Answer {
  status: number;
  sha256: string;
  text: string;
}

/** @throws {Broken} for a 500, an undocumented problem, and a body that was cut unless the API `mayDie`. */
async function ask(site: Site, { path, init }: Question, mayDie = false): Promise<Answer> {
  let response: Response;
  let bytes: Buffer;
  try {
    response = await fetch(`${site.url}${path}`, { ...init, signal: AbortSignal.timeout(30_000) });
    bytes = Buffer.from(await response.arrayBuffer());
  } catch (error) {
    const reason = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error);
    if (!mayDie || /timeout/.test(reason)) throw new Broken(`${path}: ${reason}`);
    await sleep(20);
    return { status: 0, sha256: '', text: reason };
  }
  const { status } = response;
  const text = status === 200 ? '' : bytes.toString('utf8');
  if (status !== 200) {
    assertKept(status >= 400 && status !== 500, `${path}: ${status} ${text}`);
    assertKept(ProblemSchema.safeParse(JSON.parse(text)).success, `${path}: ${status} ${text}`);
  }
  return { status, sha256: createHash('sha256').update(bytes).digest('hex'), text };
}

async function strike({ random }: Trial, site: Site, fault: (typeof FAULTS)[number]): Promise<void> {
  const [afterMs, awayMs] = [random.between(0, 800), random.between(100, 2_000)];
  await sleep(afterMs);
  const { redis } = site;
  switch (fault) {
    case 'Redis stopped':
    case 'Redis killed':
      await redis!.stop(fault === 'Redis stopped' ? 'SIGTERM' : 'SIGKILL');
      await sleep(awayMs);
      await site.startRedis();
      break;
    case 'Redis silent':
      process.kill(redis!.pid, 'SIGSTOP');
      await sleep(awayMs);
      process.kill(redis!.pid, 'SIGCONT');
      break;
    case 'API killed':
      await site.startedWith(site.apiPid).stop('SIGKILL');
      await sleep(awayMs);
      await site.startApi();
      break;
    case 'worker killed':
      await random.pick(site.livingWorkers).killTree();
      await sleep(awayMs);
      await site.startWorker();
      break;
  }
  await sleep(300);
}

/** Without its file, a model that is not in memory is a documented problem, and with it right again. */
async function spoil(
  site: Site,
  id: string,
  how: (typeof DAMAGES)[number],
  questions: readonly Question[],
  right: ReadonlyMap<string, string>,
): Promise<number> {
  const { model } = await recordOf(site, id);
  const path = join(site.dataDir, 'jobs', id, model!.name);
  const bytes = readFileSync(path);
  const damaged = Buffer.from(bytes);
  damaged[bytes.length >> 1]! ^= 1;
  if (how === 'missing') rmSync(path);
  else writeFileSync(path, damaged);
  let refused = 0;
  for (const question of questions) {
    const answer = await ask(site, question);
    const isRight = answer.sha256 === right.get(question.path);
    const isRefused = question.needsModel === true && answer.text.includes('"code":"file_unavailable"');
    if (isRefused) refused++;
    assertKept(isRight || isRefused, `${question.path} of a ${how} model: ${JSON.stringify(answer)}`);
  }
  assertKept(refused > 0, `no answer needed the ${how} file`);
  writeFileSync(path, bytes);
  await allRight(site, questions, right);
  return questions.length;
}

async function allRight(
  site: Site,
  questions: readonly Question[],
  right: ReadonlyMap<string, string>,
): Promise<void> {
  for (const question of questions) {
    const answer = await ask(site, question);
    const same = answer.sha256 === right.get(question.path);
    assertKept(same, `${question.path} differs after the fault: ${JSON.stringify(answer)}`);
  }
}

/** A viewer of the live feed that reconnects as an EventSource does. */
class FeedReader {
  readonly #site: Site;
  readonly #jobs: readonly string[];
  readonly #seen: string[] = [];
  readonly #reading: Promise<unknown>;
  #cursor: string;
  #resets = 0;

  /** @param cursor what the viewer has seen already */
  constructor(site: Site, jobs: readonly string[], cursor: string) {
    this.#site = site;
    this.#jobs = jobs;
    this.#cursor = cursor;
    this.#reading = this.#read().catch((error: unknown) => error);
  }

  /** Waits until the jobs have ended. @returns the number of events. */
  async end(mayReset: boolean): Promise<number> {
    const error = await this.#reading;
    if (error !== undefined) throw error;
    assertKept(mayReset || this.#resets === 0, 'the feed was reset');
    if (this.#resets > 0) return 0;
    for (const id of this.#jobs) {
      const seen = this.#seen.filter((event) => event.startsWith(id));
      const all = (await this.#site.events(id)).map(({ seq }) => `${id} ${seq}`);
      assertKept(seen.join() === all.join(), `the feed had ${seen.join()} of ${all.join()}`);
    }
    return this.#seen.length;
  }

  async #read(): Promise<void> {
    for (;;) {
      try {
        const response = await fetch(`${this.#site.address}/events?jobs=${this.#jobs.join(',')}`, {
          headers: { accept: 'text/event-stream', 'last-event-id': this.#cursor },
        });
        if (response.status === 204) return;
        assertKept([200, 503].includes(response.status), `the feed was answered ${response.status}`);
        if (response.status === 200) {
          for await (const { id, event, data } of messagesOf(response)) {
            this.#cursor = id;
            if (event === 'reset') {
              this.#resets++;
              continue;
            }
            const found = FeedEventSchema.parse(JSON.parse(data));
            assertKept(found.id === id, `${id} has the event ${data}`);
            this.#seen.push(`${found.job} ${found.event.seq}`);
          }
        }
      } catch (error) {
        // The connection broke.
        if (!(error instanceof TypeError)) throw error;
      }
      await sleep(20);
    }
  }
}

async function endOfFeed(site: Site): Promise<string> {
  for (let after = '0-0'; ; ) {
    const response = await site.fetch(`/events?limit=1000&after=${after}`);
    const { has_more, last_id } = FeedEventListSchema.parse(await response.json());
    if (!has_more) return last_id;
    after = last_id;
  }
}

const threadsOf = (pid: number): number => readdirSync(`/proc/${pid}/task`).length;
