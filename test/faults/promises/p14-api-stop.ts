import { setTimeout as sleep } from 'node:timers/promises';
import { readEventStream } from '../../support/event-stream.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless } from '../specs.ts';

const VIEWERS = 100;
const IN_FLIGHT = 50;
const EXIT_SECONDS = 5;

export const apiStop: Experiment = {
  name: 'api-stop',
  rows: [
    {
      id: 'P14',
      promise: 'A stopped API drains: requests are answered, streams continue elsewhere without a gap',
      fault: `SIGTERM with ${VIEWERS} event streams and ${IN_FLIGHT} requests that wait for Redis`,
      designN: 20,
      figure: 's until it exited (<= 5)',
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 95,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2, proxied: true }));
    const api = site.startedWith(site.apiPid);
    const { id } = await site.client.create(endless(1));
    await site.until(id, 'job.epoch');
    // The other API, to which the viewers move, has its own link to Redis.
    const other = await site.startAnotherApi({ REDIS_URL: site.redisUrl });
    const viewers = Array.from({ length: VIEWERS }, async () => {
      const seqs: number[] = [];
      for await (const { seq } of readEventStream(
        () => `${api.alive ? api.url : other.url}/jobs/${id}/events`,
      ))
        seqs.push(seq);
      return seqs;
    });
    const silentAfterMs = random.between(500, 1_000);
    const holdMs = random.between(0, 1_000);
    trial.note(`Redis silent after ${silentAfterMs} ms; it answers ${holdMs} ms after the SIGTERM`);
    await sleep(silentAfterMs);
    site.apiLink.silence();
    const requests = Array.from({ length: IN_FLIGHT }, async () => {
      const response = await fetch(`${api.url}/jobs/${id}`);
      await response.text();
      return response.status;
    });
    // Each first asks for the ETag of the job's view; nothing else reads the field `revision`.
    const asked = () => site.apiLink.held.split('revision').length - 1;
    await site.eventually('the requests do not reach Redis', 10_000, () => asked() >= IN_FLIGHT);
    const startedMs = performance.now();
    const stopped = api.stop('SIGTERM');
    await sleep(holdMs);
    site.apiLink.heal();
    const answers = await Promise.allSettled(requests);
    const how = await stopped;
    const worst = (performance.now() - startedMs) / 1000;
    const unanswered = answers.filter((answer) => answer.status === 'rejected' || answer.value !== 200);
    assertKept(
      unanswered.length === 0,
      `${unanswered.length} requests in flight: ${JSON.stringify(unanswered[0])}`,
    );
    assertKept(how === 0, `the API ended with ${how}`);
    trial.assertWithin(EXIT_SECONDS, worst, 'the API stopped');
    await site.client.cancel(id);
    const last = (await Promise.all(viewers)).map((seqs) => {
      assertKept(
        seqs.every((seq, i) => seq === i + 1),
        `a viewer saw ${seqs.join(' ')}`,
      );
      return seqs.length;
    });
    assertKept(new Set(last).size === 1, 'viewers of one job saw different ends');
    await reconcile(trial, site);
    // The next trial stops the remaining API.
    await other.stop('SIGTERM');
    await site.startAnotherApi();
    return [{ n: 1, worst }];
  },
};
