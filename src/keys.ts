import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { KeyNameSchema, LOCAL_OWNER, OwnerSchema, RoleSchema } from './contract/access.ts';
import { ConfigError } from './process/config-error.ts';
import { loadSettings } from './process/load-settings.ts';
import { stackOf } from './process/process-log.ts';
import { StartError } from './process/start-error.ts';
import { connectForCommand, RedisUnreachableError } from './redis/connections.ts';
import { findPrivateRedis } from './start/private-redis.ts';
import { type ApiKey, ApiKeys } from './store/api-keys.ts';
import { Datasets } from './store/datasets.ts';
import type { Place } from './store/index-walk.ts';
import { JobStore } from './store/jobs.ts';
import { buildKeys } from './store/keys.ts';
import { StoreUnavailableError } from './store/store-error.ts';

/** Entry of `npm run keys`: creates, lists and revokes API keys. */

const HELP = `Usage: npm run keys -- <command>

  create --name <name> --owner <owner> --role reader|writer|admin [--expires <n>d]
      Creates a key and prints it, once: only its hash is stored.
  list
      Lists all keys: id, name, owner, role, and when each was made, last used and expires.
  revoke <id>
      Revokes a key. Its requests are refused at once, and its open event streams end.
  adopt --owner <owner>
      Gives the finished jobs and the datasets that were made without keys to an owner.

reader: looks at the owner's jobs. writer: also creates, cancels and deletes them. admin: everything, of all owners.
The API asks for keys when AUTH=keys. Redis is found as the API finds it: by REDIS_URL, or as the one that npm start
runs on DATA_DIR.`;

const DAY_MS = 24 * 60 * 60 * 1000;
const LONGEST_DAYS = 3650;
const PAGE = 100;

/** Wrong arguments: the message says which, and what is allowed. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Stores {
  keys: ApiKeys;
  datasets: Datasets;
  jobs: JobStore;
}

type Options = Record<'name' | 'owner' | 'role' | 'expires', string | undefined>;

async function create({ keys }: Stores, options: Options): Promise<void> {
  const fields = {
    name: parsed('name', KeyNameSchema, options.name),
    owner: parsed('owner', OwnerSchema, options.owner),
    role: parsed('role', RoleSchema, options.role),
    lifetimeMs: lifetime(options.expires),
  };
  const { key, text } = await keys.create(fields);
  // The key alone on standard output, so that a script can take it.
  console.error(
    `Key ${key.id} of ${key.owner}, ${key.role}, ${key.expiresMs === undefined ? 'never expires' : `expires ${time(key.expiresMs)}`}. Keep it now: it is not shown again.`,
  );
  console.log(text);
}

async function list({ keys }: Stores): Promise<void> {
  const rows = (await keys.list()).map((key) => [
    key.id,
    key.name,
    key.owner,
    key.role,
    time(key.createdMs),
    key.lastUsedMs === undefined ? 'never' : time(key.lastUsedMs),
    describeExpiry(key),
  ]);
  const table = [['id', 'name', 'owner', 'role', 'created', 'last used', 'expires'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}

async function revoke({ keys }: Stores, [id]: string[]): Promise<void> {
  if (id === undefined) throw new UsageError('revoke needs the id of a key; `list` shows them.');
  if (!(await keys.revoke(id))) throw new UsageError(`There is no key ${id}; \`list\` shows them.`);
  console.log(`Revoked ${id}.`);
}

async function adopt({ jobs, datasets }: Stores, options: Options): Promise<void> {
  const owner = parsed('owner', OwnerSchema, options.owner);
  if (owner === LOCAL_OWNER) throw new UsageError(`${LOCAL_OWNER} has them already; name another owner.`);
  const count = { adopted: 0, not_finished: 0, not_found: 0 };
  let after: Place | undefined;
  do {
    const page = await jobs.list(LOCAL_OWNER, { limit: PAGE, after });
    for (const { id } of page.jobs) count[(await jobs.adopt(LOCAL_OWNER, owner, id)).outcome]++;
    after = page.next;
  } while (after !== undefined);
  console.log(`${owner} has adopted ${jobsOf(count.adopted)}.`);
  if (count.not_finished > 0) {
    const are =
      count.not_finished === 1
        ? 'has not ended; adopt it when it has'
        : 'have not ended; adopt them when they have';
    console.log(`${jobsOf(count.not_finished)} ${are}.`);
  }
  await adoptDatasets(datasets, owner);
}

/** Both owners have a dataset for a moment, so that its rows are never nobody's; a repeat completes what broke off. */
async function adoptDatasets(datasets: Datasets, owner: string): Promise<void> {
  let adopted = 0;
  for (const { name, bytes, createdMs: _, ...stored } of await datasets.list(LOCAL_OWNER)) {
    // Nothing is added, so no limit applies.
    const put = { owner, name, stored, bytes, mostBytes: Number.MAX_SAFE_INTEGER, quota: undefined };
    const { outcome } = await datasets.put(put);
    if (outcome === 'other')
      console.log(`${owner} has another dataset called ${name}: ${LOCAL_OWNER} keeps it.`);
    else if (outcome === 'too_many') console.log(`${owner} has too many datasets to adopt ${name}.`);
    else if ((await datasets.drop(LOCAL_OWNER, name)).outcome === 'needed') {
      console.log(`${owner} has ${name}, too; adopt it again when the jobs that need it have ended.`);
    } else adopted += 1;
  }
  if (adopted > 0) console.log(`${owner} has adopted ${adopted} ${adopted === 1 ? 'dataset' : 'datasets'}.`);
}

const jobsOf = (n: number): string => `${n} ${n === 1 ? 'job' : 'jobs'}`;

function parsed<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  value: string | undefined,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const allowed = name === 'role' ? RoleSchema.options.join(', ') : result.error.issues[0]?.message;
  throw new UsageError(
    `--${name} ${value === undefined ? 'is missing' : `${value} is not allowed`}: ${allowed}.`,
  );
}

function lifetime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const days = Number(/^(\d{1,4})d$/.exec(text)?.[1]);
  if (days >= 1 && days <= LONGEST_DAYS) return days * DAY_MS;
  throw new UsageError(`--expires ${text} is not allowed: 1d to ${LONGEST_DAYS}d, such as 90d.`);
}

const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const describeExpiry = ({ expiresMs, hasExpired }: ApiKey): string =>
  expiresMs === undefined ? 'never' : `${time(expiresMs)}${hasExpired ? ' (expired)' : ''}`;

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  const [command, ...rest] = positionals;
  if (values.help || command === undefined || command === 'help') return console.log(HELP);
  const { config } = loadSettings(process.env);
  const address = config.REDIS_URL ?? (await findPrivateRedis(config.DATA_DIR));
  if (address === undefined) {
    throw new StartError(
      `No Descent runs on DATA_DIR=${config.DATA_DIR}. Start it (npm start), or set REDIS_URL or DATA_DIR.`,
    );
  }
  const redis = await connectForCommand(address);
  try {
    const names = buildKeys(config.KEY_PREFIX);
    const stores = {
      keys: new ApiKeys(redis, names),
      datasets: new Datasets(redis, names),
      jobs: new JobStore(redis, names),
    };
    const options = values as Options;
    if (command === 'create') await create(stores, options);
    else if (command === 'list') await list(stores);
    else if (command === 'revoke') await revoke(stores, rest);
    else if (command === 'adopt') await adopt(stores, options);
    else throw new UsageError(`There is no command ${command}; see --help.`);
  } finally {
    redis.disconnect();
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        owner: { type: 'string' },
        role: { type: 'string' },
        expires: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nSee --help.`);
  }
}

main().catch((error: unknown) => {
  const isExpected = [UsageError, StartError, ConfigError, RedisUnreachableError, StoreUnavailableError].some(
    (kind) => error instanceof kind,
  );
  console.error(isExpected ? (error as Error).message : stackOf(error));
  process.exit(1);
});
