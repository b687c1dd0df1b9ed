import { setTimeout as sleep } from 'node:timers/promises';
import { readEventStream } from '../../support/event-stream.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { FaultProxy } from '../proxy.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { manyEpochs } from '../specs.ts';

const VIEWERS = 8;
const EPOCHS = 60;

export const eventStreams: Experiment = {
  name: 'event-streams',
  rows: [
    {
      id: 'P22',
      promise: 'Event stream: no gap, no duplicate',
      fault:
        'the connection breaks at a random byte, and the API is killed once; viewers reconnect with Last-Event-ID',
      designN: 1_000,
    },
  ],
  n: 1_000,
  shortN: 40,
  seconds: 55,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2 }));
    const port = Number(new URL(site.url).port);
    const link = await FaultProxy.open({ port, host: '127.0.0.1' });
    const bytes = random.strand();
    link.breakAfter(() => bytes.between(1, 8_000));
    try {
      const jobs = [
        await site.client.create(manyEpochs(EPOCHS)),
        await site.client.create(manyEpochs(EPOCHS)),
      ];
      const watched = Promise.all(
        Array.from({ length: VIEWERS }, async (_, v) => {
          const { id } = jobs[v % jobs.length];
          const seqs: number[] = [];
          for await (const { seq } of readEventStream(
            () => `http://127.0.0.1:${link.port}/jobs/${id}/events`,
          ))
            seqs.push(seq);
          return { id, seqs };
        }),
      );
      const afterMs = random.between(0, 1_500);
      await sleep(afterMs);
      trial.note(`kill the API, ${afterMs} ms after the viewers connected`);
      await site.startedWith(site.apiPid).stop('SIGKILL');
      await site.startApi();
      for (const { id, seqs } of await watched) {
        const last = (await site.events(id)).at(-1)!.seq;
        assertKept(
          seqs.length === last && seqs.every((seq, i) => seq === i + 1),
          `a viewer of ${id} saw ${seqs.join(' ')} of ${last}`,
        );
      }
      await reconcile(trial, site);
      return [{ n: link.faults }];
    } finally {
      await link.close();
    }
  },
};
