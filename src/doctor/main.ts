import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { loadSettings } from '../process/load-settings.ts';
import { packageVersion } from '../process/package-version.ts';
import { messageOf } from '../process/process-log.ts';
import type { RedisAddress } from '../process/redis-address.ts';
import { Reconciler } from '../queue/reconciler.ts';
import { queueHas } from '../queue/training-queue.ts';
import { connectForRequests } from '../redis/connections.ts';
import { findPrivateRedis } from '../start/private-redis.ts';
import { FairShare } from '../store/fair-share.ts';
import { FolderArtifacts } from '../store/folder-artifacts.ts';
import { JobStore } from '../store/jobs.ts';
import { buildKeys } from '../store/keys.ts';
import { redisTimeMs } from '../store/redis-clock.ts';
import { Retention } from '../store/retention.ts';
import { WorkerReports } from '../store/worker-reports.ts';
import { checkDisk } from './check-disk.ts';
import { checkOrphans } from './check-orphans.ts';
import { checkTheRedis } from './check-redis.ts';
import { checkWorkers } from './check-workers.ts';
import { type Finding, wrong } from './finding.ts';

/** Entry of `npm run doctor`: examines an installation from outside, and changes nothing. */

const USAGE = `Examines this installation: Redis, disk, workers, clocks, versions and what is left over.
It only reads, needs the same settings as the API and the worker, and may run beside them.

Usage: npm run doctor [-- --help]
Exit code: 0 when nothing is wrong, 1 when something is, 2 when it could not look.`;

const PATIENCE_MS = 5_000;

const NO_LOG = { info() {}, warn() {}, error() {} };

async function main(argument: string | undefined): Promise<number> {
  if (argument === '--help' || argument === '-h') {
    console.log(USAGE);
    return 0;
  }
  if (argument !== undefined) {
    console.error(`Unknown argument ${argument}; see npm run doctor -- --help`);
    return 2;
  }
  const { config, warnings } = loadSettings(process.env);
  const findings = [...warnings.map(wrong), ...(await examine(config))];
  for (const { level, text } of findings) console.log(`${level.padEnd(5)}  ${text}`);
  const faults = findings.filter(({ level }) => level === 'wrong').length;
  console.log(
    faults === 0 ? '\nNothing is wrong.' : `\n${faults} ${faults === 1 ? 'thing is' : 'things are'} wrong.`,
  );
  return faults === 0 ? 0 : 1;
}

async function examine(config: Config): Promise<Finding[]> {
  const dataDir = resolve(config.DATA_DIR);
  const disk = await checkDisk(dataDir);
  const address = config.REDIS_URL ?? (existsSync(dataDir) ? await findPrivateRedis(dataDir) : undefined);
  if (address === undefined)
    return [
      ...disk,
      wrong(
        `REDIS_URL is not set, and no Redis of npm start runs in DATA_DIR=${dataDir}. Start Descent, or set REDIS_URL.`,
      ),
    ];
  return [...disk, ...(await examineStore(address, config.KEY_PREFIX, dataDir))];
}

async function examineStore(address: RedisAddress, prefix: string, dataDir: string): Promise<Finding[]> {
  let reason = 'no answer';
  const redis = connectForRequests(address, (error) => {
    reason = messageOf(error);
  });
  const keys = buildKeys(prefix);
  try {
    await isReady(redis);
    const nowMs = await redisTimeMs(redis);
    const store = new JobStore(redis, keys);
    // A TrainingQueue would write: BullMQ records its own settings at once.
    const queue = { has: (ids: string[]) => queueHas(redis, keys, ids), enqueue: async () => false };
    const reports = new WorkerReports(redis, keys);
    return [
      ...(await checkTheRedis(redis, keys.root, store)),
      ...checkWorkers(await reports.list(), nowMs, packageVersion()),
      ...(await checkOrphans(
        new Retention(redis, keys, store, FolderArtifacts.in(dataDir), NO_LOG),
        new Reconciler(redis, keys, queue, new FairShare(redis, keys), reports, NO_LOG, 'doctor'),
        dataDir,
        nowMs,
      )),
    ];
  } catch (error) {
    const why = reason === 'no answer' && error instanceof Error ? error.message : reason;
    return [wrong(`${address} cannot be examined: ${why}`)];
  } finally {
    redis.disconnect();
  }
}

async function isReady(redis: {
  status: string;
  once(event: 'ready', then: () => void): unknown;
}): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((ready, late) => {
    redis.once('ready', ready);
    setTimeout(() => late(new Error(`no connection within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS).unref();
  });
}

main(process.argv[2]).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof ConfigError || error instanceof Error ? error.message : String(error));
    process.exit(2);
  },
);
