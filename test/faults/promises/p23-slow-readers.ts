import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../../support/processes.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { manyEpochs } from '../specs.ts';

const READERS = 200;
const SILENT = 20;
const BYTES_A_SECOND = 1_000;
const SECONDS = 120;
const WARM_ROUNDS = 100;
const GROWTH_MB = 50;
const DELAY_P99_MS = 250;
/** A viewer that takes nothing is cut off after 30 s; its socket first holds what it can. */
const CUT_SECONDS = 60;

export const slowReaders: Experiment = {
  name: 'slow-readers',
  rows: [
    {
      id: 'P23',
      promise: 'Slow readers harm nobody: memory',
      fault: `${READERS} viewers that read ${BYTES_A_SECOND} bytes a second, and ${SILENT} that read nothing, for ${SECONDS} s; n counts viewers`,
      designN: 200,
      figure: `MB that the API grew (<= ${GROWTH_MB})`,
    },
    {
      id: 'P23',
      promise: "Slow readers harm nobody: another viewer's events arrive in time",
      fault: 'the same',
      designN: 200,
      figure: `s: p99 from event to viewer (<= ${DELAY_P99_MS / 1000})`,
    },
    {
      id: 'P23',
      promise: 'A viewer that reads nothing is cut off, and can resume after its last event',
      fault: 'the same; n counts those viewers',
      designN: 20,
    },
  ],
  n: READERS,
  shortN: 0,
  seconds: 200,
  run: async (trial) => {
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 1 }));
    const port = Number(new URL(site.url).port);
    // Warm, so that what is measured is not the start.
    const first = await site.client.create(manyEpochs(200));
    await site.toEnd(first.id);
    // Any busy API has V8's young generation at its full size, which is 48 MB.
    for (let round = 0; round < WARM_ROUNDS; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async () =>
          (await site.fetch(`/jobs/${first.id}/events?limit=1000`)).text(),
        ),
      );
    }
    const job = await site.client.create(manyEpochs(1000));
    await site.until(job.id, 'job.epoch');
    const beforeMb = residentMb(site.apiPid);
    const slow = Array.from({ length: READERS }, () => watchSlowly(port, job.id));
    const silent = Array.from({ length: SILENT }, () => watchSlowly(port, job.id, 0));
    let worstMb = 0;
    const delaysMs: number[] = [];
    const endMs = performance.now() + 1000 * SECONDS;
    let live = await site.client.create(manyEpochs(1000));
    while (performance.now() < endMs) {
      for await (const { created_at } of site.watch(live.id)) {
        delaysMs.push(Date.now() - Date.parse(created_at));
        worstMb = Math.max(worstMb, residentMb(site.apiPid));
        if (performance.now() > endMs) break;
      }
      if (performance.now() < endMs) live = await site.client.create(manyEpochs(1000));
    }
    await site.eventually('a viewer that reads nothing is not cut off', CUT_SECONDS * 1000, () =>
      silent.every(({ closed }) => closed),
    );
    const growth = worstMb - beforeMb;
    // The first events were there before their viewer came.
    const sorted = delaysMs.slice(5).sort((a, b) => a - b);
    const p99 = sorted[Math.floor(0.99 * sorted.length)]! / 1000;
    trial.note(
      `${delaysMs.length} events, API ${beforeMb.toFixed(0)} MB before, ${worstMb.toFixed(0)} at most`,
    );
    assertKept(growth <= GROWTH_MB, `the API grew by ${growth.toFixed(1)} MB`);
    trial.assertWithin(DELAY_P99_MS / 1000, p99, 'the 99th percentile of the delay of events');
    for (const { socket } of [...slow, ...silent]) socket.destroy();
    for (const id of site.client.acknowledged.keys()) await site.client.cancel(id);
    await reconcile(trial, site);
    return [{ n: READERS, worst: Math.max(0, growth) }, { n: READERS, worst: p99 }, { n: SILENT }];
  },
};

interface SlowViewer {
  socket: Socket;
  closed: boolean;
}

/** Reads the stream of a job with so many bytes a second. */
function watchSlowly(port: number, id: string, bytesASecond = BYTES_A_SECOND): SlowViewer {
  const socket = connect(port, '127.0.0.1');
  const viewer = { socket, closed: false };
  socket.on('error', () => {});
  socket.write(`GET /jobs/${id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  socket.pause();
  const closes = () => {
    viewer.closed = true;
  };
  socket.on('close', closes);
  void (async () => {
    while (!socket.destroyed) {
      await sleep(1000, undefined, { ref: false });
      if (bytesASecond > 0) socket.read(Math.min(bytesASecond, socket.readableLength));
      // A paused socket does not notice its end: a write does.
      else socket.write('\r\n');
    }
  })();
  return viewer;
}

const residentMb = (pid: number): number => residentBytes(pid) / 2 ** 20;
