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
      fault: `POST to one of ${REPLICAS} APIs, GET from another immediately`,
      designN: 10_000,
    },
  ],
  n: 10_000,
  shortN: WRITES,
  seconds: 45,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', async () => {
      const started = await Site.start({ workers: 0, env: { MAX_QUEUED_JOBS: '1000000' } });
      while (started.apis.length < REPLICAS) await started.startAnotherApi();
      return started;
    });
    const jobs = () => site.commands.zcard(site.keys.jobs('local'));
    const before = await jobs();
    const writes = Array.from({ length: WRITES }, () => ({
      apis: random.some(2, site.apis),
      spec: tinySpec(random),
    }));
    await inParallel(5, writes, async ({ apis: [writer, reader], spec }) => {
      const posted = await fetch(`${writer!.url}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(spec),
      });
      const location = posted.headers.get('location');
      assertKept(posted.status === 202 && location !== null, `POST was answered ${posted.status}`);
      await posted.text();
      const read = await fetch(`${reader!.url}${location}`);
      assertKept(read.status === 200, `GET of the new job was answered ${read.status}`);
      await read.text();
    });
    const made = (await jobs()) - before;
    assertKept(made === WRITES, `${WRITES} posts created ${made} jobs`);
    return [{ n: WRITES }];
  },
};
