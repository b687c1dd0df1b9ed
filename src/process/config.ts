import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { canonicalHost, canonicalPattern, isLoopback } from './host-name.ts';
import { parseRedisUrl } from './redis-address.ts';

/**
 * Every setting, once: its name, its default, what is allowed and what it does. The entries call `loadConfig` and
 * hand plain values on; nothing else reads process.env.
 */

/** Digits only: JavaScript's number conversion would also accept ' ', '0x10' and '1e3'. */
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
  'host names or addresses with commas between, such as descent.example.org, *.example.org, 192.168.1.5 or [fe80::1]';

/** Hosts in the forms that people have at hand (names, addresses, URLs), made canonical. */
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

/** First segments of the API's own paths: under such a prefix, paths would be ambiguous. */
const OWN_PATHS = 'docs|datasets|engines|jobs|livez|metrics|openapi\\.json|readyz|workers';

/** A path prefix with a leading and no trailing slash; '' for none. */
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
    error: "a path such as /descent that does not begin like one of the API's own",
  });

const explainHost = (entry: string): string =>
  entry === '*'
    ? `${HOSTS_ERROR}; "*" would let any web page use the API through the browser of its visitors`
    : `${HOSTS_ERROR}; ${JSON.stringify(entry)} is neither`;

export const ConfigSchema = z
  .object({
    HOST: z
      .string()
      .trim()
      .refine((host) => canonicalHost(host) !== undefined && !/\]:|^[^:]*:\d*$/.test(host), {
        error: 'an address of this machine, such as 127.0.0.1 or 0.0.0.0, without a port',
      })
      // URLs have IPv6 addresses in brackets; a socket needs them without.
      .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
      .default('127.0.0.1')
      .describe(
        'Address the API listens on. 0.0.0.0 is every network this machine is in; that needs AUTH=none.',
      ),
    PORT: integer(0, 65_535).default(3000).describe('Port of the API; 0 takes a free one.'),
    AUTH: z
      .enum(['none'], { error: 'none (API keys come in a later version)' })
      .optional()
      .describe('Who may use the API. none: anyone who can reach it; required when HOST is not 127.0.0.1.'),
    ALLOWED_HOSTS: hosts.describe(
      'Further hosts under which the API may be called, besides HOST and the loopback: names, *.example.org, addresses or URLs.',
    ),
    BASE_PATH: basePath.describe(
      'Path under which a proxy serves the API, such as /descent; all links begin with it.',
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
      .describe('Redis or Valkey, 6.2 or newer. Not set: npm start brings its own.'),
    REDIS_USERNAME: z.string().optional().describe('User to log in to Redis as, where REDIS_URL names none.'),
    REDIS_PASSWORD: z.string().optional().describe('Password for Redis, where REDIS_URL has none.'),
    KEY_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: '1 to 64 letters, digits, - or _' })
      .default('descent')
      .describe('Beginning of all keys in Redis; installations that share a Redis need different ones.'),
    DATA_DIR: z
      .string()
      .default('./data')
      .describe('Folder for models, checkpoints and the private Redis. All processes must see the same one.'),
    WORKER_CONCURRENCY: integer(1, 256)
      .default(availableParallelism())
      .describe('Jobs one worker trains at a time; one for each core unless set.'),
    LEASE_MS: integer(1000, 600_000)
      .default(15_000)
      .describe('Milliseconds that a worker may be silent before its jobs go to another one.'),
    LOG_LEVEL: z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .default('info')
      .describe(`How much is logged: ${LOG_LEVELS.join(', ')}.`),
    MAX_QUEUED_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Jobs that may wait at a time; more are refused with 429.'),
    RETENTION_DAYS: integer(1, 36_500)
      .default(30)
      .describe('Finished jobs are removed after this many days.'),
    RETENTION_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Finished jobs to keep at most; the oldest go first.'),
    RETENTION_GB: z
      .string()
      .regex(/^\d{1,6}(\.\d{1,6})?$/, { error: DECIMAL_ERROR })
      .transform(Number)
      .pipe(z.number().gt(0, { error: DECIMAL_ERROR }).lte(100_000, { error: DECIMAL_ERROR }))
      .default(20)
      .describe('Disk space for the files of finished jobs, in gigabytes; the oldest go first.'),
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
        refuse(name, 'REDIS_URL beside it; the Redis that npm start brings has no password');
      else if (isInUrl) refuse(name, 'nothing, since REDIS_URL has one already');
    }
    const hasUser = inUrl?.username || config.REDIS_USERNAME !== undefined;
    const hasPassword = inUrl?.password || config.REDIS_PASSWORD !== undefined;
    if (hasUser && !hasPassword) refuse('REDIS_PASSWORD', 'a password, since there is a user to log in as');
  });

/** Their values are never printed. */
const SECRETS = ['REDIS_URL', 'REDIS_USERNAME', 'REDIS_PASSWORD'];

/** All settings; REDIS_URL is an address that includes the user and password of Redis. */
export type Config = Readonly<Omit<z.output<typeof ConfigSchema>, 'REDIS_USERNAME' | 'REDIS_PASSWORD'>>;

export const SETTING_NAMES: readonly string[] = Object.keys(ConfigSchema.shape);

/**
 * Reads the settings from an environment. An empty value counts as not set.
 * @param origin what to print after a name, where its value comes from a file
 * @throws {ConfigError} with each wrong setting, its value unless that may be secret, and what was expected.
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
  /** As it would be written in a `.env` file; empty for none. */
  default: string;
  description: string;
}

/** All settings, for people. */
export function listSettings(): Setting[] {
  const defaults: Record<string, unknown> = ConfigSchema.parse({});
  return Object.entries(ConfigSchema.shape).map(([name, schema]) => ({
    name,
    default: String(defaults[name] ?? ''),
    description: schema.description ?? '',
  }));
}
