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
const gigabytes = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,6})?$/, { error: DECIMAL_ERROR })
  .transform(Number)
  .pipe(z.number().gt(0, { error: DECIMAL_ERROR }).lte(100_000, { error: DECIMAL_ERROR }));

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const HOSTS_ERROR =
  'host names or addresses, separated by commas, such as descent.example.org, *.example.org, 192.168.1.5 or [fe80::1]';

/**
 * A list, separated by commas or blanks.
 * @param parse the entry in its usual form; undefined if it is not allowed, which `explain` then explains.
 */
const listOf = (parse: (entry: string) => string | undefined, explain: (entry: string) => string) =>
  z
    .string()
    .default('')
    .transform((list, context) =>
      list
        .split(/[\s,;]+/)
        .filter((entry) => entry !== '')
        .map((entry) => {
          const parsed = parse(entry);
          if (parsed === undefined) context.addIssue({ code: 'custom', message: explain(entry) });
          return parsed ?? '';
        }),
    );

/** Brings every usual spelling of a host into one form. */
const hosts = listOf(canonicalPattern, (entry) => explainHost(entry));

const ORIGINS_ERROR =
  'origins, separated by commas, such as https://lab.example.org or http://localhost:5173; or *';

const origins = listOf(
  (entry) => {
    if (entry === '*') return entry;
    const url = URL.canParse(entry) ? new URL(entry) : undefined;
    const isOrigin = url !== undefined && [url.origin, `${url.origin}/`].includes(entry.toLowerCase());
    return isOrigin && url.origin !== 'null' ? url.origin : undefined;
  },
  (entry) => `${ORIGINS_ERROR}; ${JSON.stringify(entry)} is not one of these`,
);

/** The first parts of the API's own paths. Such a prefix would make a path ambiguous. */
const OWN_PATHS =
  'assets|compare|docs|datasets|engines|events|jobs|livez|me|metrics|openapi\\.json|readyz|session|workers';

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

/** The URL under which browsers know us. */
const publicUrl = z
  .string()
  .transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url !== undefined && url.search === '' && url.hash === '' && url.username === '';
    const isUsable = isPlain && basePath.safeParse(url.pathname).success;
    if (isUsable && ['http:', 'https:'].includes(url.protocol)) return url;
    context.addIssue('a URL such as https://descent.example.org or https://example.org/descent');
    return z.NEVER;
  })
  .optional();

function isWebhookSecret(text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return false;
  const key = Buffer.from(base64, 'base64');
  return key.length >= 24 && key.length <= 64 && key.toString('base64') === base64;
}

function isPlainUrl(text: string): boolean {
  const url = URL.canParse(text) && text.length <= 2000 ? new URL(text) : undefined;
  return /^https?:$/.test(url?.protocol ?? '') && `${url?.username}${url?.password}${url?.hash}` === '';
}

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
        'Address that the API listens on. 0.0.0.0 means all networks of this machine, and needs AUTH.',
      ),
    PORT: integer(0, 65_535).default(3000).describe('Port of the API; 0 picks a free one.'),
    AUTH: z
      .enum(['none', 'keys'], {
        error: 'keys (requests need an API key) or none (anyone who can reach HOST may do anything)',
      })
      .optional()
      .describe(
        'Who may use the API. keys: holders of an API key. none: anyone who can reach it. Required unless HOST is the loopback.',
      ),
    PUBLIC_URL: publicUrl.describe(
      'URL at which browsers find the API if a proxy is in between, such as https://descent.example.org. Its path is BASE_PATH.',
    ),
    CORS_ORIGINS: origins.describe(
      'Origins of other web pages that may use the API, such as https://lab.example.org; * means all, and needs AUTH=keys.',
    ),
    METRICS_TOKEN: z
      .string()
      .regex(/^[\x21-\x7e]{16,200}$/, { error: '16 to 200 visible ASCII characters' })
      .optional()
      .describe('Bearer token with which Prometheus may read /metrics, and nothing else.'),
    WEBHOOK_SECRET: z
      .string()
      .refine(isWebhookSecret, {
        error:
          'whsec_ and 24 to 64 random bytes in base64, such as the output of: echo whsec_$(openssl rand -base64 32)',
      })
      .optional()
      .describe(
        'Key that signs the messages to webhooks: whsec_ and 24 to 64 bytes in base64. If unset, jobs can have none.',
      ),
    WEBHOOK_URL: z
      .string()
      .refine(isPlainUrl, { error: 'an http or https URL without user, password and fragment' })
      .optional()
      .describe('Webhook that is told how each job ends, besides those that jobs name.'),
    WEBHOOK_ALLOW_PRIVATE: z
      .enum(['0', '1'], { error: '0 or 1' })
      .default('0')
      .describe('1: webhooks may lead to this machine and to private networks.'),
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
    WORKER_MEMORY_MB: integer(128, 10_000_000)
      .optional()
      .describe('Megabytes that a job may take; if unset, a share of the memory that the worker may use.'),
    LEASE_MS: integer(1000, 600_000)
      .default(15_000)
      .describe('Milliseconds of silence after which a worker loses its jobs to another.'),
    LOG_LEVEL: z
      .enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')}` })
      .default('info')
      .describe(`Least severe level that is logged: ${LOG_LEVELS.join(', ')}.`),
    MAX_CONNECTIONS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Connections that an API takes at a time, or fewer if it may not open that many files.'),
    MAX_QUEUED_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Jobs that may wait at a time; further ones are refused with a 429.'),
    MAX_STREAMS: integer(1, 100_000)
      .default(500)
      .describe(
        'Event streams and requests that wait for a job, at a time in an API process; further ones get a 503.',
      ),
    QUOTA_QUEUED_JOBS: integer(1, 1_000_000)
      .optional()
      .describe(
        'Jobs of one owner that may wait at a time; if unset, 1000 with API keys and no limit without.',
      ),
    QUOTA_RUNNING_JOBS: integer(1, 100_000)
      .optional()
      .describe(
        'Jobs of one owner that run at a time; if unset, as many as the workers together train with API keys.',
      ),
    QUOTA_REQUESTS_PER_MINUTE: integer(1, 1_000_000)
      .optional()
      .describe(
        'Requests of one owner to an API process; if unset, 1200 with API keys and no limit without.',
      ),
    QUOTA_STREAMS: integer(1, 100_000)
      .optional()
      .describe(
        'Event streams and waiting requests of one owner in an API process; if unset, 20 with API keys.',
      ),
    QUOTA_STORAGE_GB: gigabytes
      .optional()
      .describe(
        "Disk space for the files of one owner's finished jobs; if unset, 5 with API keys, no limit without.",
      ),
    QUOTA_DATASETS_GB: gigabytes
      .optional()
      .describe(
        "Disk space for the rows of one owner's uploaded datasets; if unset, 5 with API keys, no limit without.",
      ),
    MAX_DATASET_MB: integer(1, 100_000)
      .default(512)
      .describe('Megabytes that an uploaded file may have; unpacked, it may have four times as many.'),
    DATASETS_GB: gigabytes
      .default(20)
      .describe('Disk space for the rows of all uploaded datasets, in gigabytes; further ones get a 507.'),
    RETENTION_DAYS: integer(1, 36_500).default(30).describe('Days after which finished jobs are removed.'),
    RETENTION_JOBS: integer(1, 1_000_000)
      .default(10_000)
      .describe('Number of finished jobs to keep; the oldest are removed first.'),
    RETENTION_GB: gigabytes
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
      'keys or none, because HOST is not the loopback. With AUTH=keys, requests need an API key (npm run keys -- --help). ' +
      'With AUTH=none, anyone who can reach HOST may do anything',
  })
  .superRefine((config, context) => {
    if (config.CORS_ORIGINS.includes('*') && config.AUTH !== 'keys') {
      context.addIssue({
        code: 'custom',
        path: ['CORS_ORIGINS'],
        message: 'a list of origins, because without AUTH=keys * would let every web page use the API',
      });
    }
    const path = config.PUBLIC_URL?.pathname.replace(/\/$/, '');
    if (config.BASE_PATH !== '' && path !== undefined && path !== config.BASE_PATH) {
      context.addIssue({
        code: 'custom',
        path: ['BASE_PATH'],
        message: `no value, because PUBLIC_URL has the path ${path === '' ? '/' : path}`,
      });
    }
    if (config.WEBHOOK_URL !== undefined && config.WEBHOOK_SECRET === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['WEBHOOK_SECRET'],
        message: 'whsec_ and 24 to 64 bytes in base64, because WEBHOOK_URL is set',
      });
    }
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
const SECRETS = [
  'REDIS_URL',
  'REDIS_USERNAME',
  'REDIS_PASSWORD',
  'METRICS_TOKEN',
  'WEBHOOK_SECRET',
  // Such a URL often has a secret within.
  'WEBHOOK_URL',
];

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
    const path = config.PUBLIC_URL?.pathname.replace(/\/$/, '');
    return Object.freeze({
      ...config,
      ...(path !== undefined && { BASE_PATH: path }),
      ...(url && { REDIS_URL: url.withLogin({ username, password }) }),
    });
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
