import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliveryList, DeliveryListSchema } from '../../../src/contract/delivery.ts';
import { WEBHOOK_EVENTS } from '../../../src/contract/webhook.ts';
import { Receiver, SECRET } from '../../webhooks/receiver.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import type { Random } from '../random.ts';
import { type Ending, inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const JOBS = 8;
const FAULTS = 3;
/** The receiver is down, and a message held, for up to so long. */
const DOWN_MS = 1_500;
const SETTLED_MS = 90_000;

/** Each job has one webhook, which is told of every event that there is. */
export const webhooks: Experiment = {
  name: 'webhooks',
  rows: [
    {
      id: 'P44',
      promise: 'A webhook is delivered at least once, in order per job, and no event is left out',
      fault:
        'an API killed, Redis killed, or the receiver down, in turn, while the receiver also answers late, 503, or not at all; n counts deliveries',
      designN: 200,
    },
  ],
  n: 300,
  shortN: 8,
  seconds: 180,
  run: async (trial) => {
    const { random } = trial;
    const receiver = await Receiver.start();
    const site = await trial.lend('site', () =>
      Site.start({
        workers: 1,
        concurrency: 2,
        env: { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW_PRIVATE: '1' },
      }),
    );
    const log = new Log(receiver, random.strand());
    try {
      const hook = { url: receiver.url, events: WEBHOOK_EVENTS };
      const specs = Array.from({ length: trial.times(JOBS) }, () => ({
        ...tinySpec(random),
        webhooks: [hook],
      }));
      const posted = inParallel(2, specs, (spec) => site.client.create(spec));
      const { redisForgets } = await strike(trial, site, receiver);
      await posted;
      log.isWell = true;
      await site.allEnded(SETTLED_MS);
      let deliveries = 0;
      const lists = new Map<string, DeliveryList>();
      for (const id of site.client.acknowledged.keys()) {
        const list = await settled(site, id);
        if (list !== undefined) lists.set(id, list);
      }
      const mayBeLost = redisForgets ? new Set(site.client.acknowledged.keys()) : undefined;
      const expectations = { redisForgets, faults: redisForgets, ...(mayBeLost && { mayBeLost }) };
      for (const ending of await reconcile(trial, site, expectations)) {
        deliveries += checkTold(ending, lists.get(ending.job.id)!, log);
      }
      assertKept(receiver.faults.length === 0, `a message was not what it should be: ${receiver.faults[0]}`);
      return [{ n: deliveries }];
    } finally {
      log.isWell = true;
      await receiver.close();
    }
  },
};

/** What the receiver got and took. */
class Log {
  /** Ids in the order in which they were taken, the first time. */
  readonly taken: string[] = [];
  /** It answers each message at once, well. */
  isWell = false;

  constructor(receiver: Receiver, random: Random) {
    receiver.answer = (response, { id }) => {
      const take = () => {
        response.writeHead(204).end();
        if (!this.taken.includes(id)) this.taken.push(id);
      };
      const way = this.isWell ? 1 : random.between(0, 99) / 100;
      if (way < 0.15) response.writeHead(503).end();
      else if (way < 0.25) response.destroy();
      else if (way < 0.5) setTimeout(take, random.between(0, DOWN_MS));
      else take();
    };
  }
}

async function strike(trial: Trial, site: Site, receiver: Receiver): Promise<{ redisForgets: boolean }> {
  const { random } = trial;
  let redisForgets = false;
  for (let fault = 0; fault < FAULTS; fault += 1) {
    await sleep(random.between(50, 700));
    const kind = random.pick(['API', 'Redis', 'receiver'] as const);
    trial.note(`strike: ${kind}`);
    if (kind === 'API') {
      await site.startedWith(site.apiPid).stop('SIGKILL');
      await site.startApi();
    } else if (kind === 'Redis') {
      redisForgets = true;
      await site.redis!.stop('SIGKILL');
      await site.startRedis(site.redisEnv);
      await site.ready();
    } else {
      await receiver.close();
      await sleep(random.between(0, DOWN_MS));
      await receiver.listen();
    }
  }
  return { redisForgets };
}

/** Waits until nothing is pending; what would wait for long is asked for again. */
async function settled(site: Site, id: string): Promise<DeliveryList | undefined> {
  const startedMs = performance.now();
  for (;;) {
    const { status, body } = await site.client.insist('deliveries', `/jobs/${id}/deliveries`, {}, { id });
    if (status === 404) return undefined;
    const list = DeliveryListSchema.parse(JSON.parse(body));
    const pending = list.data.find(({ state }) => state === 'pending');
    if (pending === undefined) return list;
    assertKept(performance.now() - startedMs < SETTLED_MS, `${id}: ${pending.id} is still pending`);
    if (Date.parse(pending.next_attempt_at!) - Date.now() > 10_000) {
      await site.client.insist('redeliver', pending.links.redeliver, { method: 'POST' }, { id });
    }
    await sleep(250);
  }
}

/** @returns how many deliveries the job has. */
function checkTold({ job, events }: Ending, { data }: DeliveryList, { taken }: Log): number {
  const told = events.filter(({ type }) => (WEBHOOK_EVENTS as readonly string[]).includes(type));
  assertKept(
    JSON.stringify(data.map(({ event, created_at }) => [event, created_at])) ===
      JSON.stringify(told.map(({ type, created_at }) => [type, created_at])),
    `${job.id} has other deliveries than events`,
  );
  for (const { id, state } of data) {
    assertKept(state === 'delivered' && taken.includes(id), `${id} is ${state}, and the receiver lacks it`);
  }
  const places = data.map(({ id }) => taken.indexOf(id));
  assertKept(
    places.every((place, i) => i === 0 || place > places[i - 1]!),
    `${job.id}: its messages were taken in another order: ${places.join(' ')}`,
  );
  return data.length;
}
