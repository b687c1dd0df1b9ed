import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { canonicalHost, canonicalPattern, isLoopback } from './host-name.ts';
import { parseRedisUrl } from './redis-address.ts';

/**
 * The only list of settings: name, default, allowed values and description. The entries call `loadConfig` and pass
 * plain values on; nothing else reads process.env.
 */

/** Digits only: Number() would accept ' ', '0x10' and '1e3' too. */
const integer = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, { error })
    .transform(Number)
    .pipe(z.number().gte(min, { error }).lte(max, { error }));
};

const DECIMAL_ERROR = 'a number above 0, up to 100000';
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const HOSTS_ERROR =
  'host names or addresses, separated by commas, such as descent.example.org, *.example.org, 192.168.1.5 or [fe80::1]';

/** Brings every usual spelling of a host into one form. */
const hosts = z
  .string()
  .default('')
  .transform((list, context) =>
    list
      .split(/[\s,;]+/)
      .filter((entry) => entry !== '')
      .map((entry) => {
        const host = canonicalPattern(entry);
        if (host === undefined) context.addIssue({ code: 'custom', message: explainHost(entry) });
        return host ?? '';
      }),
  );

/** The first parts of the API's own paths. Such a prefix would make a path ambiguous. */
const OWN_PATHS = 'docs|datasets|engines|jobs|livez|metrics|openapi\\.json|readyz|workers';

/** A path prefix, with a leading slash and no trailing one; '' for none. */
const basePath = z
  .string()
  .default('')
  .transform((text) =>
    text
      .trim()
      .replace(/^\/?(?!\/)(.*?)\/?$/, '/$1')
      .replace(/^\/$/, ''),
  )
  .refine((path) => /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*$/.test(path), {
    error: 'a path such as /descent: letters, digits, ., _, ~ and - between slashes',
  })
  .refine((path) => !new RegExp(`^/(${OWN_PATHS})(/|$)`).test(path), {
    error: "a path such as /descent that does not begin like one of the API's own paths",
  });

const explainHost = (entry: string): string =>
  entry === '*'
    ? `${HOSTS_ERROR}; "*" would let any web page use the API through its visitors' browsers`
    : `${HOSTS_ERROR}; ${JSON.stringify(entry)} is not one of these`;

export const ConfigSchema = z
  .object({
    HOST: z
      .string()
      .trim()
      .refine((host) => canonicalHost(host) !== undefined && !/\]:|^[^:]*:\d*$/.test(host), {
        error: 'an address of this machine, such as 127.0.0.1 or 0.0.0.0, without a port',
      })
      // URLs need the brackets of IPv6; a socket does not take them.
      .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
      .default('127.0.0.1')
      .describe(
        'Address that the API listens on. 0.0.0.0 means all networks of this machine, and needs AUTH=none.',
      ),
    PORT: integer(0, 65_535).default(3000).describe('Port of the API; 0 picks a free one.'),
    AUTH: z
      .enum(['none'], { error: 'none (API keys come in a later version)' })
      .optional()
      .describe('Who may use the API. none: anyone who can reach it; required unless HOST is the loopback.'),
    ALLOWED_HOSTS: hosts.describe(
      'Hosts that requests may name besides HOST and the loopback: names, *.example.org, addresses or URLs.',
    ),
    BASE_PATH: basePath.describe(
      'Path below which a proxy serves the API, such as /descent; all links begin with it.',
    ),
    REDIS_URL: z
      .string()
      .transform((text, context) => {
        try {
          return parseRedisUrl(text);
        } catch (error) {
          context.addIssue((error as Error).message);
          return z.NEVER;
        }
      })
      .optional()
      .describe('Redis or Valkey, 6.2 or newer. If unset, npm start runs its own.'),
    REDIS_USERNAME: z.string().optional().describe('Redis user, if REDIS_URL names none.'),
    REDIS_PASSWORD: z.string().optional().describe('Redis password, if REDIS_URL has none.'),
    KEY_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: '1 to 64 letters, digits, - or _' })
      .default('descent')
      .describe('Prefix of all keys in Redis; installations that share a Redis need different prefixes.'),
    DATA_DIR: z
      .string()
      .default('./data')
      .describe(
        'Folder for datasets, models, checkpoints and the private Redis. All processes must see the same folder.',
      ),
    WORKER_CONCURRENCY: integer(1, 256)
      .default(availableParallelism())
      .describe('Jobs that a worker trains at a time; if unset, one for each core.'),
    LEASE_MS: integer(1000, 600_000)
      .default(15_000)
      .describe('Milliseconds of silence after which a worker loses its jobs to another.'),
    LOG_LEVEL: z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .default('info')
      .describe(`Least severe level that is logged: ${LOG_LEVELS.join(', ')}.`),
    MAX_QUEUED_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Jobs that may wait at a time; further ones are refused with a 429.'),
    RETENTION_DAYS: integer(1, 36_500).default(30).describe('Days after which finished jobs are removed.'),
    RETENTION_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Number of finished jobs to keep; the oldest are removed first.'),
    RETENTION_GB: z
      .string()
      .regex(/^\d{1,6}(\.\d{1,6})?$/, { error: DECIMAL_ERROR })
      .transform(Number)
      .pipe(z.number().gt(0, { error: DECIMAL_ERROR }).lte(100_000, { error: DECIMAL_ERROR }))
      .default(20)
      .describe('Disk space for the files of finished jobs, in gigabytes; the oldest are removed first.'),
    RETENTION_REDIS_PERCENT: integer(1, 100)
      .default(60)
      .describe(
        "Percent of Redis's maxmemory above which the oldest finished jobs are removed; new ones are refused above 70.",
      ),
  })
  .refine((config) => isLoopback(canonicalHost(config.HOST) ?? '') || config.AUTH !== undefined, {
    path: ['AUTH'],
    error:
      'none. There are no API keys yet: anyone who can reach HOST may do anything. ' +
      'Set AUTH=none to accept that, or HOST=127.0.0.1',
  })
  .superRefine((config, context) => {
    const inUrl = config.REDIS_URL?.login;
    const refuse = (name: string, message: string) =>
      context.addIssue({ code: 'custom', path: [name], message });
    for (const [name, isInUrl] of [
      ['REDIS_USERNAME', inUrl?.username],
      ['REDIS_PASSWORD', inUrl?.password],
    ] as const) {
      if (config[name] === undefined) continue;
      if (inUrl === undefined)
        refuse(name, 'REDIS_URL to be set too; the Redis that npm start runs has no password');
      else if (isInUrl) refuse(name, 'no value, because REDIS_URL already has one');
    }
    const hasUser = inUrl?.username || config.REDIS_USERNAME !== undefined;
    const hasPassword = inUrl?.password || config.REDIS_PASSWORD !== undefined;
    if (hasUser && !hasPassword) refuse('REDIS_PASSWORD', 'a password, because a user is set');
  });

/** Settings whose values are never printed. */
const SECRETS = ['REDIS_URL', 'REDIS_USERNAME', 'REDIS_PASSWORD'];

/** All settings. The user and password for Redis are part of the parsed REDIS_URL. */
export type Config = Readonly<Omit<z.output<typeof ConfigSchema>, 'REDIS_USERNAME' | 'REDIS_PASSWORD'>>;

export const SETTING_NAMES: readonly string[] = Object.keys(ConfigSchema.shape);

/**
 * Reads the settings from an environment. An empty value counts as not set.
 * @param origin text to print after a name whose value comes from a file
 * @throws {ConfigError} naming each wrong setting, its value unless it is a secret, and what was expected.
 */
export function loadConfig(
  env: Record<string, string | undefined>,
  origin: (name: string) => string = () => '',
): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = ConfigSchema.safeParse(given);
  if (parsed.success) {
    const { REDIS_USERNAME: username, REDIS_PASSWORD: password, REDIS_URL: url, ...config } = parsed.data;
    return Object.freeze({ ...config, ...(url && { REDIS_URL: url.withLogin({ username, password }) }) });
  }
  const lines = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    const isHidden = given[name] === undefined || SECRETS.includes(name);
    return `${name}${isHidden ? '' : `=${given[name]}`}${origin(name)}: expected ${issue.message}`;
  });
  throw new ConfigError(`Wrong settings:\n  ${lines.join('\n  ')}`);
}

export interface Setting {
  name: string;
  /** As written in a `.env` file; empty for none. */
  default: string;
  description: string;
}

/** All settings, for display. */
export function listSettings(): Setting[] {
  const defaults: Record<string, unknown> = ConfigSchema.parse({});
  return Object.entries(ConfigSchema.shape).map(([name, schema]) => ({
    name,
    default: String(defaults[name] ?? ''),
    description: schema.description ?? '',
  }));
}
