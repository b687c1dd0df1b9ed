import { inspect } from 'node:util';
import { z } from 'zod';

/** A REDIS_URL that cannot be used. The message never quotes it: any part of a malformed URL may be a secret. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

/** Connection options, named as in ioredis. */
export interface RedisConnectionOptions {
  host?: string;
  port?: number;
  /** Path of a unix socket, instead of host and port. */
  path?: string;
  db: number;
  /** 4 or 6: the kind of IP address that a host name resolves to; 0 allows either. */
  family?: number;
  tls?: Record<string, never>;
  username?: string;
  password?: string;
}

export interface RedisLogin {
  username?: string | undefined;
  password?: string | undefined;
}

const FORMS = 'redis://host:port/db, rediss://host:port/db (TLS) or unix:/path?db=0';
const ENCODE =
  'write blanks and @ / ? # % in a user or password percent-encoded (/ is %2F), or put them into REDIS_USERNAME and REDIS_PASSWORD';

const TCP_PROTOCOLS = ['redis:', 'rediss:', 'valkey:', 'valkeys:'];
const TLS_PROTOCOLS = ['rediss:', 'valkeys:'];
const PARAMETERS = ['db', 'family', 'password', 'username'];

const digits = (min: number, max: number, error: string) =>
  z
    .string()
    .regex(/^\d{1,5}$/, { error })
    .transform(Number)
    .pipe(z.number().gte(min, { error }).lte(max, { error }));

/** The parts of a URL, from its path, its login or its parameters. */
const PartsSchema = z.object({
  host: z
    .string()
    .regex(/^([\w.-]+|\[[0-9a-f:.]+\])$/i, { error: `the host is missing or not a host name; ${ENCODE}` }),
  port: digits(1, 65_535, 'the port must be a number from 1 to 65535'),
  db: digits(0, 99_999, 'the database must be a number, as in redis://host:6379/1').default(0),
  family: z.enum(['0', '4', '6'], { error: 'family must be 4 or 6' }).transform(Number).optional(),
  username: z.string().min(1, { error: 'the user is empty' }).optional(),
  password: z.string().min(1, { error: 'the password is empty; leave it out, with its colon' }).optional(),
});

/**
 * The address of a Redis and the login for it. Text, JSON and debugger output omit user and password, so it is safe to
 * print and log; only `connectionOptions` reveals them.
 */
export class RedisAddress {
  readonly #text: string;
  readonly #options: RedisConnectionOptions;

  constructor(text: string, options: RedisConnectionOptions) {
    this.#text = text;
    this.#options = options;
  }

  /** The same Redis with these parts of the login replaced. */
  withLogin({ username, password }: RedisLogin): RedisAddress {
    const options = {
      ...this.#options,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    };
    return new RedisAddress(this.#text, options);
  }

  /** Which parts of a login it has. */
  get login(): { username: boolean; password: boolean } {
    const { username, password } = this.#options;
    return { username: username !== undefined, password: password !== undefined };
  }

  /** For the client library alone: it holds the password. */
  connectionOptions(): RedisConnectionOptions {
    return { ...this.#options };
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }

  [inspect.custom](): string {
    return this.#text;
  }
}

/**
 * Reads the address of a Redis.
 * @throws {RedisUrlError}
 */
export function parseRedisUrl(text: string): RedisAddress {
  const { url, isSocket } = splitUrl(text);
  const parameters = readParameters(url);
  const path = decoded(url.pathname);
  const [, dbInPath] = isSocket ? [] : (/^\/?(.*)$/s.exec(path) ?? []);
  const parsed = PartsSchema.safeParse({
    host: url.hostname,
    port: url.port === '' ? '6379' : url.port,
    db: only('database', dbInPath || undefined, parameters.get('db')),
    family: parameters.get('family'),
    username: only('user', decoded(url.username) || undefined, parameters.get('username')),
    password: only('password', decoded(url.password) || undefined, parameters.get('password')),
  });
  if (!parsed.success) throw new RedisUrlError(`${FORMS}; ${parsed.error.issues[0].message}`);
  const { host, port, db, family, username, password } = parsed.data;
  const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  if (isSocket) return new RedisAddress(`unix:${path}${db === 0 ? '' : `?db=${db}`}`, { path, db, ...login });
  return new RedisAddress(`${url.protocol}//${host}:${port}${db === 0 ? '' : `/${db}`}`, {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    db,
    ...(family !== undefined && { family }),
    ...(TLS_PROTOCOLS.includes(url.protocol) && { tls: {} }),
    ...login,
  });
}

/** The REDIS_URL of a unix socket. */
export const socketUrl = (path: string): string =>
  `unix:${path.split('/').map(encodeURIComponent).join('/')}`;

/** Parses a URL. A socket's URL gets a host first, since a URL with a user must have one. */
function splitUrl(text: string): { url: URL; isSocket: boolean } {
  if (/[\s\p{Cc}]/u.test(text)) throw new RedisUrlError(`${FORMS}; it contains a blank; ${ENCODE}`);
  const socket = /^unix:(?:\/\/([^/]*@)?)?(\/(?!\/).*)$/is.exec(text);
  const readable = socket === null ? text : `redis://${socket[1] ?? ''}socket${socket[2]}`;
  // The URL constructor would throw an error that contains its input.
  if (!URL.canParse(readable)) throw new RedisUrlError(`${FORMS}; ${ENCODE}`);
  const url = new URL(readable);
  const afterHost = socket === null ? url.pathname + url.search + url.hash : url.search + url.hash;
  if (!TCP_PROTOCOLS.includes(url.protocol))
    throw new RedisUrlError(`${FORMS}; it begins with none of these`);
  // What looks like a path or a query is then part of a password.
  if (afterHost.includes('@')) throw new RedisUrlError(`${FORMS}; there is an @ after the host; ${ENCODE}`);
  if (text.includes('#')) throw new RedisUrlError(`${FORMS}; it contains a #; ${ENCODE}`);
  return { url, isSocket: socket !== null };
}

/** ioredis would accept any parameter as an option, and so override options that our connections depend on. */
function readParameters(url: URL): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!PARAMETERS.includes(name)) {
      const named = /^[a-z_-]{1,30}$/i.test(name) ? `the parameter ${name}` : 'a parameter';
      throw new RedisUrlError(`${FORMS}; ${named} is not allowed, only ${PARAMETERS.join(', ')}`);
    }
    if (parameters.has(name)) throw new RedisUrlError(`${FORMS}; the parameter ${name} appears twice`);
    parameters.set(name, value);
  }
  return parameters;
}

function only(what: string, first: string | undefined, second: string | undefined): string | undefined {
  if (first !== undefined && second !== undefined)
    throw new RedisUrlError(`${FORMS}; it has the ${what} twice`);
  return first ?? second;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError(`${FORMS}; a % in it begins no percent-encoding; write % as %25`);
  }
}
