import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { FaultyClock } from '../faulty-clock.ts';
import { reconcile } from '../reconcile.ts';
import { LEASE_MS, Site } from '../site.ts';
import { RESUMABLE, tinySpec } from '../specs.ts';

const JUMPS = [3_600, -3_600, 30, -30, -LEASE_MS / 1000];
const JOBS = 3;
/** Delay between a child printing the time and the trial reading it. */
const SLACK_SECONDS = 0.1;

const experiment = (who: 'worker' | 'API'): Experiment => ({
  name: `clock-of-${who.toLowerCase()}`,
  rows: [
    {
      id: 'P33',
      promise: 'Clock jumps are harmless: no job runs twice, no time is negative',
      fault: `the wall clock of the ${who} jumps by 1 h, 30 s or a lease, forward or back, and later returns`,
      designN: 20,
    },
  ],
  n: 24,
  shortN: 0,
  seconds: 160,
  missing: FaultyClock.missing,
  run: async (trial) => {
    const { random } = trial;
    const clock = await trial.lend('clock', async () => new FaultyClock());
    const site = await trial.lend('site', async () => {
      const started = await Site.start({ workers: who === 'worker' ? 0 : 1, concurrency: JOBS });
      if (who === 'worker') await started.startWorker(clock.env);
      else {
        await started.startedWith(started.apiPid).stop();
        await started.startApi(clock.env);
      }
      return started;
    });
    const jobs = random.some(JOBS, RESUMABLE).map((spec) => site.client.create(spec));
    for (const { id } of await Promise.all(jobs)) await site.until(id, 'job.running');
    const afterMs = random.between(0, 1_000);
    await sleep(afterMs);
    const seconds = random.pick(JUMPS);
    const holdMs = 2 * LEASE_MS + random.between(0, LEASE_MS);
    trial.note(`jump by ${seconds} s, ${afterMs} ms after the last start, for ${holdMs} ms`);
    clock.jump(seconds);
    await sleep(FaultyClock.seenAfterMs + holdMs);
    const [least, most] = clock.seenAhead();
    assertKept(
      least - SLACK_SECONDS < seconds && seconds < most + SLACK_SECONDS,
      `the clock is ${least} to ${most} s ahead, not ${seconds}`,
    );
    for (let i = 0; i < 3; i++) await site.client.create(tinySpec(random));
    clock.jump(0);
    await sleep(FaultyClock.seenAfterMs);
    for (const { job } of await reconcile(trial, site)) {
      assertKept(job.status === 'succeeded', `${job.id} ${job.status}`);
      assertKept(job.attempts.length === 1, `${job.id} ran twice: ${JSON.stringify(job.attempts)}`);
    }
    return [{ n: 1 }];
  },
});

export const clockOfWorker = experiment('worker');
export const clockOfApi = experiment('API');
