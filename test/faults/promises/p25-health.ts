import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, Broken, type Experiment, type Trial } from '../experiment.ts';
import { Site } from '../site.ts';

const WITHIN_SECONDS = 5;

interface Fault {
  name: string;
  begin: (site: Site) => Promise<unknown>;
  end: (site: Site) => Promise<unknown>;
  /** What /readyz must say: a status, or a check that is not ok. */
  shows: (site: Site) => Promise<boolean>;
}

const ready = async (site: Site) => {
  const response = await fetch(`${site.url}/readyz`, { signal: AbortSignal.timeout(4_000) });
  const body = (await response.json()) as { checks?: Record<string, string> };
  return { status: response.status, checks: body.checks ?? {} };
};

const isUnready = async (site: Site) => (await ready(site)).status === 503;

const FAULTS: readonly Fault[] = [
  {
    name: 'Redis is silent',
    begin: async (site) => process.kill(site.redis!.pid, 'SIGSTOP'),
    end: async (site) => process.kill(site.redis!.pid, 'SIGCONT'),
    shows: isUnready,
  },
  {
    name: 'Redis is gone',
    begin: (site) => site.redis!.stop('SIGKILL'),
    end: (site) => site.startRedis(),
    shows: isUnready,
  },
  {
    name: 'Redis is full',
    begin: (site) => site.commands.config('SET', 'maxmemory', '1mb'),
    end: (site) => site.commands.config('SET', 'maxmemory', '0'),
    shows: isUnready,
  },
  {
    name: 'the files cannot be read',
    begin: async (site) => {
      const jobs = join(site.dataDir, 'jobs');
      if (existsSync(jobs)) renameSync(jobs, `${jobs}-away`);
      writeFileSync(jobs, '');
    },
    end: async (site) => {
      const jobs = join(site.dataDir, 'jobs');
      rmSync(jobs);
      if (existsSync(`${jobs}-away`)) renameSync(`${jobs}-away`, jobs);
    },
    shows: async (site) => (await ready(site)).checks.storage !== 'ok',
  },
  {
    name: 'the only worker is stopped',
    begin: async (site) => process.kill(site.workers[0]!.pid, 'SIGSTOP'),
    end: async (site) => process.kill(site.workers[0]!.pid, 'SIGCONT'),
    shows: async (site) => {
      const { status, checks } = await ready(site);
      return status === 503 && checks.workers !== 'ok' && checks.redis === 'ok';
    },
  },
];

export const health: Experiment = {
  name: 'health',
  rows: [
    {
      id: 'P25',
      promise: 'Health tells the truth: /readyz has the fault, /livez stays 200',
      fault: `${FAULTS.map(({ name }) => name).join(', ')}, in turn`,
      designN: 60,
      figure: `s until /readyz had the fault (<= ${WITHIN_SECONDS})`,
    },
    {
      id: 'P25',
      promise: 'Health tells the truth: /readyz is well again after the cure',
      fault: 'the same',
      designN: 60,
      figure: `s until /readyz was well (<= ${WITHIN_SECONDS})`,
    },
  ],
  n: 60,
  shortN: FAULTS.length,
  seconds: 240,
  run: async (trial) => {
    const fault = FAULTS[trial.number % FAULTS.length]!;
    trial.note(fault.name);
    const site = await trial.lend('site', () => Site.start({ workers: 1 }));
    await until(trial, 'well at the start', () => isWell(site));
    await fault.begin(site);
    const worst = await until(trial, `told of: ${fault.name}`, () => fault.shows(site));
    const alive = await fetch(`${site.url}/livez`);
    assertKept(alive.status === 200, `/livez is ${alive.status}`);
    await sleep(trial.random.between(0, 1_000));
    await fault.end(site);
    const cured = await until(trial, `well after: ${fault.name}`, () => isWell(site));
    return [
      { n: 1, worst },
      { n: 1, worst: cured },
    ];
  },
};

async function isWell(site: Site): Promise<boolean> {
  const { status, checks } = await ready(site);
  return status === 200 && Object.values(checks).every((check) => check === 'ok');
}

/** Seconds until the condition was true. */
async function until(trial: Trial, what: string, isTrue: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    if (await isTrue().catch(() => false)) break;
    const seconds = (performance.now() - startedMs) / 1000;
    if (seconds > WITHIN_SECONDS * trial.patience)
      throw new Broken(`/readyz is not ${what}, after ${seconds.toFixed(1)} s`);
    await sleep(50);
  }
  return (performance.now() - startedMs) / 1000;
}
