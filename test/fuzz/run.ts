import { parseArgs } from 'node:util';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForCommand } from '../../src/redis/connections.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { buildKeys } from '../../src/store/keys.ts';
import { findRedisBinary, RunningInstallation, type Started } from '../support/running-installation.ts';
import { type Row, writeResults } from './results.ts';
import { type FuzzOptions, fuzz, installSchemathesis, PHASES } from './schemathesis.ts';

const USAGE = `
npm run test:fuzz -- [options]     Sends requests that Schemathesis generates from the OpenAPI document to a real
                                   installation, and checks each response. Needs python3 and the Python registry.

  --cases 10000          cases with all checks, at least: so many without API keys, and so many with them
  --outage-cases 2000    further cases while Redis is stopped and started, at least
  --seed 1               seed of the first round; each further round has the next
  --no-results           do not write test/fuzz/RESULTS.md
  --help

Logs and reports go to reports/fuzz/.
`;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    'outage-cases': { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    'no-results': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const number = (name: 'cases' | 'outage-cases' | 'seed'): number => {
  if (!/^\d{1,7}$/.test(values[name])) throw new Error(`--${name} ${values[name]}: must be a whole number`);
  return Number(values[name]);
};

/** Cases per operation in one round of a phase. */
const EXAMPLES = 50;
const AWAY_MS = 3_000;
const THERE_MS = 5_000;

/** With one, jobs may have webhooks; `hooks.py` sees to it that they lead nowhere. */
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 'fuzz').toString('base64')}`;

class Installation extends RunningInstallation {
  static async start(env: Record<string, string> = {}): Promise<Installation> {
    const options = { env: { MAX_QUEUED_JOBS: '1000000', WEBHOOK_SECRET, ...env } };
    const installation = new Installation(options);
    await installation.open(options);
    process.once('exit', () => installation.kill());
    return installation;
  }

  /** The header of an admin's key. */
  async adminHeader(): Promise<string> {
    const redis = await connectForCommand(parseRedisUrl(this.redisUrl));
    const keys = new ApiKeys(redis, buildKeys(this.keyPrefix));
    const { text } = await keys.create({
      name: 'fuzz',
      owner: 'fuzz',
      role: 'admin',
      lifetimeMs: undefined,
    });
    redis.disconnect();
    return `Authorization: Bearer ${text}`;
  }
}

/**
 * Where no keys are needed, a request without one is served, as the document says in words. Where they are, the 21st bad
 * key a minute gets the documented 429, and the check accepts 401 and 403 only. test/api/access.test.ts calls every
 * operation with every kind of bad key instead.
 */
const LEFT_OUT = ['ignored_auth'];
/** So many requests come from one owner. */
const KEYS = {
  AUTH: 'keys',
  QUOTA_REQUESTS_PER_MINUTE: '1000000',
  QUOTA_QUEUED_JOBS: '1000000',
};

/** Stops and starts Redis until the signal. */
async function comeAndGo(installation: Installation, signal: AbortSignal): Promise<number> {
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  let outages = 0;
  while (!signal.aborted) {
    await pause(THERE_MS);
    if (signal.aborted) break;
    await (installation.redis as Started).stop('SIGKILL');
    await pause(AWAY_MS);
    await installation.startRedis();
    outages += 1;
  }
  return outages;
}

/** Rounds of all phases, each with a new seed, until there were enough cases. */
async function rounds(
  options: Omit<FuzzOptions, 'phase' | 'seed' | 'examples'>,
  cases: number,
): Promise<Row[]> {
  const program = installSchemathesis();
  const rows: Row[] = PHASES.map((phase) => ({ phase, cases: 0, failures: 0 }));
  const total = () => rows.reduce((sum, row) => sum + row.cases, 0);
  for (let seed = number('seed'); total() < cases; seed += 1) {
    for (const row of rows) {
      const outcome = await fuzz(program, { ...options, phase: row.phase, seed, examples: EXAMPLES });
      row.cases += outcome.cases;
      row.failures += outcome.failures;
      console.log(`${row.phase}, seed ${seed}: ${outcome.cases} cases, ${outcome.failures} failures`);
      if (outcome.failures > 0) console.log(`  ${outcome.log}`);
    }
  }
  return rows;
}

async function main(): Promise<void> {
  if (values.help) return console.log(USAGE);
  if (findRedisBinary() === undefined)
    throw new Error('No valkey-server or redis-server was found: apt-get install redis-server.');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const guarded = await Installation.start(KEYS);
  const withKeys = { url: guarded.url, headers: [await guarded.adminHeader()], leftOut: LEFT_OUT };
  const keys = await rounds({ ...withKeys, config: 'normal.toml', name: 'keys' }, number('cases'));
  await guarded.close();

  const installation = await Installation.start();
  const options = { url: installation.url, headers: [], leftOut: LEFT_OUT };
  const normal = await rounds({ ...options, config: 'normal.toml', name: 'normal' }, number('cases'));
  const end = new AbortController();
  const outages = comeAndGo(installation, end.signal);
  const outage = await rounds({ ...options, config: 'outage.toml', name: 'outage' }, number('outage-cases'));
  end.abort();
  const runs = [
    { name: 'with API keys', rows: keys },
    { name: 'without API keys', rows: normal },
    { name: `while Redis is killed and started again, ${await outages} times`, rows: outage },
  ];
  await installation.close();
  if (!values['no-results']) writeResults(runs);
  if (runs.some(({ rows }) => rows.some(({ failures }) => failures > 0))) process.exitCode = 1;
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  },
);
