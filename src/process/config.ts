import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { canonicalHost, canonicalPattern, isLoopback } from './host-name.ts';

/**
 * Every setting, once: its name, its default, what is allowed and what it does. The entries call `loadConfig` and
 * hand plain values on; nothing else reads process.env.
 */

/** Only digits: JavaScript's own reading of numbers would take ' ', '0x10' and '1e3' as well. */
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

/** Everything that people have at hand for a host, in one form. */
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

/** The first parts of the API's own paths: below such a prefix a path would mean two things. */
const OWN_PATHS = 'docs|datasets|engines|jobs|livez|metrics|openapi\\.json|readyz|workers';

/** A path prefix, with a slash before and none behind; '' for none. */
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
      // As it stands in URLs; a socket wants it bare.
      .transform((host) => host.replace(/^\[(.*)\]$/, '$1'))
      .default('127.0.0.1')
      .describe(
        'Address the API listens on. 0.0.0.0 is every network this machine is in; that needs AUTH=none.',
      ),
    PORT: integer(0, 65_535).default(3000).describe('Port of the API; 0 takes a free one.'),
    AUTH: z
      .enum(['none'], { error: 'none (API keys come in a later version)' })
      .optional()
      .describe('Who may use the API. none = whoever reaches it; must be said when HOST is not 127.0.0.1.'),
    ALLOWED_HOSTS: hosts.describe(
      'Further hosts under which the API may be called, besides HOST and the loopback: names, *.example.org, addresses or URLs.',
    ),
    BASE_PATH: basePath.describe(
      'Path under which a proxy serves the API, such as /descent; all links begin with it.',
    ),
    REDIS_URL: z
      .string()
      .regex(/^(rediss?:\/\/.+|unix:\/.+)$/, { error: 'redis://host:port, rediss://host:port or unix:/path' })
      .optional()
      .describe('Redis or Valkey, 6.2 or newer. Not set: npm start brings its own.'),
    KEY_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: '1 to 64 letters, digits, - or _' })
      .default('descent')
      .describe('Beginning of all keys in Redis; another one for each installation that shares a Redis.'),
    DATA_DIR: z
      .string()
      .default('./data')
      .describe('Folder for models, checkpoints and the private Redis. All processes must see the same one.'),
    WORKER_CONCURRENCY: integer(1, 256)
      .default(availableParallelism())
      .describe('Jobs one worker trains at a time; one for each core unless set.'),
    LEASE_MS: integer(1000, 600_000)
      .default(15_000)
      .describe(
        'How long a worker may be silent, in milliseconds, before its jobs are given to another one.',
      ),
    LOG_LEVEL: z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .default('info')
      .describe(`How much is logged: ${LOG_LEVELS.join(', ')}.`),
    MAX_QUEUED_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Jobs that may wait at a time; further ones are refused with 429.'),
    RETENTION_DAYS: integer(1, 36_500)
      .default(30)
      .describe('Finished jobs are removed after this many days.'),
    RETENTION_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Finished jobs that are kept at most; the oldest go first.'),
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
      'none. There are no API keys yet, so whoever reaches HOST may do everything; ' +
      'with a HOST other than 127.0.0.1, AUTH=none says that you accept that',
  });

export type Config = Readonly<z.output<typeof ConfigSchema>>;

/** A setting that is not allowed; the message names it and says what is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Takes settings from a `.env` file in the working directory, if there is one; what is already set wins. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/**
 * Reads the settings from an environment. An empty value counts as not set.
 * @throws {ConfigError} naming each wrong setting, its value and what was expected.
 */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = ConfigSchema.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const lines = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    const value = given[name];
    return `${name}${value === undefined ? '' : `=${value}`}: expected ${issue.message}`;
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
