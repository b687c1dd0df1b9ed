import { EarlierBuild } from '../../support/earlier-build.ts';
import { assertKept, type Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { resumable, tinySpec } from '../specs.ts';

/**
 * The last commit with another form of models, records and lists: no state of the optimizer in a model, no facts to find
 * jobs by, no feed. Move it when a form changes again.
 */
const EARLIER = 'd352df1';
const NEW = 'dist';
const JOBS = 200;
const WORKERS = 2;
const AT_ONCE = 6;
/** Every fourth has time for a checkpoint. */
const LONGER = resumable(25);

export const rollingUpgrade: Experiment = {
  name: 'rolling-upgrade',
  rows: [
    {
      id: 'P35',
      promise: 'Rolling upgrade and back: no job is lost or disturbed, and all have the same bits',
      fault: `an installation of commit ${EARLIER} is upgraded, downgraded and upgraded again, a process at a time, with jobs running; n counts jobs`,
      designN: JOBS,
    },
    {
      id: 'P35',
      promise: 'Jobs that one build stopped and the other continued from its checkpoint',
      fault: 'the same',
      designN: JOBS,
      unpromised: true,
    },
  ],
  n: JOBS,
  shortN: 0,
  seconds: 150,
  missing: () => EarlierBuild.missing(EARLIER),
  run: async (trial) => {
    const { random } = trial;
    const { program } = await trial.lend('build', async () => new EarlierBuild(EARLIER));
    const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 2, program }));
    const builds = new Map(site.workers.map(({ pid }) => [pid, program]));
    let ended = 0;
    let passed = () => {};
    const specs = Array.from({ length: JOBS }, (_, i) =>
      i % 4 === 0 ? random.pick(LONGER) : tinySpec(random),
    );
    const posted = inParallel(AT_ONCE, specs, async (spec) => {
      // The earlier build refuses what it does not know.
      const { id } = await site.client.create({ ...spec, cache: undefined });
      // Read directly, because each build shows a job in its own form.
      await site.eventually(
        `${id} does not end`,
        240_000,
        async () => (await site.commands.sismember(site.keys.live, id)) === 0,
      );
      ended++;
      passed();
    });
    const steps = roundsOf(program);
    for (const [i, { what, to }] of steps.entries()) {
      const due = Math.floor((JOBS * (i + 1)) / (steps.length + 2));
      await Promise.race([
        posted,
        new Promise<void>((resolve) => {
          passed = () => ended >= due && resolve();
          passed();
        }),
      ]);
      trial.note(`${ended} jobs have ended; ${what} becomes ${to === NEW ? 'new' : 'old'}`);
      site.program = to;
      if (what === 'API') {
        await site.startedWith(site.apiPid).stop('SIGTERM');
        await site.startApi();
        continue;
      }
      const [oldest] = site.livingWorkers;
      await oldest!.stop('SIGTERM');
      builds.set((await site.startWorker()).pid, to);
    }
    await posted;
    const endings = await reconcile(trial, site, { hasNoLogs: true });
    const crossed = endings.filter(({ job }) => {
      const by = job.attempts.map(({ worker }) => builds.get(Number(worker.split('/').at(-1))));
      return job.attempts.some(({ from_epoch }, i) => from_epoch > 0 && by[i] !== by[i - 1]);
    });
    for (const { job } of endings) assertKept(job.status === 'succeeded', `${job.id} is ${job.status}`);
    return [{ n: endings.length }, { n: crossed.length }];
  },
};

/**
 * Up, down and up again, in the order of docs/operations.md: a worker leaves the jobs of a later version alone, so the
 * workers come first on the way up, and the API on the way down.
 */
function roundsOf(program: string): { what: 'API' | 'worker'; to: string }[] {
  return [NEW, program, NEW].flatMap((to) => {
    const workers = Array.from({ length: WORKERS }, () => ({ what: 'worker' as const, to }));
    const api = { what: 'API' as const, to };
    return to === NEW ? [...workers, api] : [api, ...workers];
  });
}
