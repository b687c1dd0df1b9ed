import { assertKept, type Experiment } from '../experiment.ts';
import { inParallel } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const WRITES = 500;
const REPLICAS = 3;

export const readYourWrites: Experiment = {
  name: 'read-your-writes',
  rows: [
    {
      id: 'P24',
      promise: 'Read your writes',
      fault: `POST to one of ${REPLICAS} APIs, GET from another at once`,
      designN: 10_000,
    },
  ],
  n: 10_000,
  shortN: WRITES,
  seconds: 70,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', async () => {
      const started = await Site.start({ workers: 0, env: { MAX_QUEUED_JOBS: '1000000' } });
      while (started.apis.length < REPLICAS) await started.startAnotherApi();
      return started;
    });
    await inParallel(8, Array(WRITES).fill(0), async () => {
      const [writer, reader] = random.some(2, site.apis);
      const posted = await fetch(`${writer!.url}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(tinySpec(random)),
      });
      const location = posted.headers.get('location');
      assertKept(posted.status === 202 && location !== null, `POST was answered ${posted.status}`);
      await posted.text();
      const read = await fetch(`${reader!.url}${location}`);
      assertKept(read.status === 200, `GET of what was just posted was answered ${read.status}`);
      await read.text();
    });
    return [{ n: WRITES }];
  },
};
