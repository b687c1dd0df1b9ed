import { setTimeout as sleep } from 'node:timers/promises';
import { signalAll } from '../../support/processes.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import type { Random } from '../random.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { SLOW_EPOCHS, tinySpec } from '../specs.ts';

const WORKERS = 3;
const POISONED = 2;
const GOOD = 12;
/** A segmentation fault, an abort (what V8 does without memory), a bus error, the kernel's OOM killer. */
const DEATHS = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGKILL'] as const;

export const poison: Experiment = {
  name: 'poison',
  rows: [
    {
      id: 'P17',
      promise: 'Poison jobs die alone',
      fault: `their trainer dies at every start (${DEATHS.join(', ')}), among ${GOOD} good jobs`,
      designN: 80,
    },
    {
      id: 'P38',
      promise: 'Failures explain themselves: code, message, every attempt with worker, start, end and cause',
      fault: 'as P17',
      designN: 80,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 70,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 1 }));
    const deaths = random.some(POISONED, DEATHS);
    const poisoned = await Promise.all(deaths.map(() => site.client.create(SLOW_EPOCHS)));
    const killing = poisoned.map(({ id }, i) => killAtEachStart(site, id, deaths[i], trial, random.strand()));
    for (let i = 0; i < GOOD; i++) {
      await site.client.create(tinySpec(random));
      await sleep(random.between(0, 100));
    }
    await Promise.all(killing);
    for (const { job } of await reconcile(trial, site, { faults: true })) {
      const death = deaths[poisoned.findIndex(({ id }) => id === job.id)];
      if (death === undefined) {
        assertKept(
          job.status === 'succeeded' && job.attempts.length === 1,
          `${job.id}, a good job, suffered`,
        );
        continue;
      }
      assertKept(job.error?.code === 'trainer_crashed', `${job.id}, a poison job, is ${job.status}`);
      assertKept(job.attempts.length === 3, `${job.id} was tried ${job.attempts.length} times`);
      assertKept(
        job.error.message.includes(death),
        `the message does not name ${death}: ${job.error.message}`,
      );
      for (const { reason } of job.attempts.slice(1)) {
        assertKept(reason!.includes(death), `the reason does not name ${death}: ${reason}`);
      }
    }
    return [{ n: POISONED }, { n: POISONED }];
  },
};

/** Kills the trainer of this job at each start, until the job has ended. */
async function killAtEachStart(
  site: Site,
  id: string,
  death: NodeJS.Signals,
  trial: Trial,
  random: Random,
): Promise<void> {
  for await (const event of site.watch(id)) {
    if (event.type !== 'job.running') continue;
    const worker = site.startedWith(Number(event.data.worker.split('/').at(-1)));
    const afterMs = random.between(0, 200);
    await sleep(afterMs);
    // The trainer may not have started yet.
    await site.eventually('a worker has no trainer', 10_000, () => {
      return signalAll(site.trainersOf(worker).slice(0, 1), death) > 0;
    });
    trial.note(`${death} for the trainer of ${id}, ${afterMs} ms into attempt ${event.data.attempt}`);
  }
}
