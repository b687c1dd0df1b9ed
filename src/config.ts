import { availableParallelism } from 'node:os';
import { z } from 'zod';

/**
 * Every setting, once: its name, its default and what is allowed. The entries call `loadConfig` and hand plain
 * values on; nothing else reads process.env.
 */

const integer = (min: number, max: number) =>
  z.coerce
    .number({ error: `a whole number from ${min} to ${max}` })
    .int()
    .gte(min)
    .lte(max);

const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

export const ConfigSchema = z
  .object({
    HOST: z.string().min(1).default('127.0.0.1'),
    PORT: integer(0, 65_535).default(3000),
    AUTH: z.enum(['none']).optional(),
    ALLOWED_HOSTS: z
      .string()
      .default('')
      .transform((list) =>
        list
          .split(',')
          .map((host) => host.trim().toLowerCase())
          .filter((host) => host !== ''),
      ),
    REDIS_URL: z
      .string()
      .regex(/^(rediss?:\/\/.+|unix:\/.+)$/, { error: 'redis://host:port, rediss://host:port or unix:/path' })
      .optional(),
    KEY_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: '1 to 64 letters, digits, - or _' })
      .default('descent'),
    DATA_DIR: z.string().min(1).default('./data'),
    WORKER_CONCURRENCY: integer(1, 256).default(availableParallelism()),
    LEASE_MS: integer(1000, 600_000).default(15_000),
    LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    MAX_QUEUED_JOBS: integer(1, 1_000_000).default(10_000),
    RETENTION_DAYS: integer(1, 36_500).default(30),
    RETENTION_JOBS: integer(1, 1_000_000).default(10_000),
    RETENTION_GB: z.coerce.number().gt(0).lte(100_000).default(20),
  })
  .refine((config) => LOOPBACK.includes(config.HOST) || config.AUTH !== undefined, {
    path: ['AUTH'],
    error:
      'there are no API keys yet, so whoever reaches HOST may do everything: with a HOST other than 127.0.0.1 say AUTH=none to accept that',
  });

export type Config = Readonly<z.output<typeof ConfigSchema>>;

/** A setting that is not allowed; the message names it and says what is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
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
