import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const REQUESTS = 50;
const ANSWER_SECONDS = 3;

export const silence: Experiment = {
  name: 'silence',
  rows: [
    {
      id: 'P6',
      promise: 'A silent network never hangs a caller: 503 with Retry-After',
      fault: 'no byte passes between API and Redis, and connections stay open; n counts requests',
      designN: 1_000,
      figure: 's until the slowest response (<= 3)',
    },
  ],
  n: 1_000,
  shortN: REQUESTS,
  seconds: 100,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 1, proxied: true }));
    const { id } = await site.client.create(tinySpec(random));
    await site.allEnded(60_000);
    const body = JSON.stringify({ ...tinySpec(random), cache: false });
    const requests: [string, RequestInit][] = [
      ['/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body }],
      [`/jobs/${id}`, {}],
      ['/jobs', {}],
      [`/jobs/${id}/cancel`, { method: 'POST' }],
      [`/jobs/${id}/events`, {}],
      [`/jobs/${id}/events`, { headers: { accept: 'text/event-stream' } }],
      [`/jobs/${id}/metrics`, {}],
      [`/jobs/${id}/evaluation`, {}],
      ['/workers', {}],
      ['/readyz', {}],
    ];
    const silentMs = random.between(0, 300);
    trial.note(`silence; requests from ${silentMs} ms later on`);
    site.apiLink.silence();
    await sleep(silentMs);
    const seconds = await Promise.all(
      Array.from({ length: REQUESTS }, async () => {
        const own = random.strand();
        await sleep(own.between(0, 1_000));
        const [path, init] = own.pick(requests);
        const askedMs = performance.now();
        const answer = await site.client.ask('in silence', path, init);
        const took = (performance.now() - askedMs) / 1000;
        const what = `${init.method ?? 'GET'} ${path}`;
        assertKept('status' in answer, `${what} was not answered: ${JSON.stringify(answer)}`);
        assertKept(answer.status === 503, `${what} was answered ${answer.status}`);
        assertKept(answer.headers.has('retry-after'), `${what}: no Retry-After`);
        return took;
      }),
    );
    const worst = Math.max(...seconds);
    trial.assertWithin(ANSWER_SECONDS, worst, 'the slowest answer');
    site.apiLink.heal();
    await site.ready();
    // Delayed requests may have arrived after all; their jobs were never acknowledged and do not count.
    await site.removeUnacknowledged();
    await reconcile(trial, site);
    return [{ n: REQUESTS, worst }];
  },
};
