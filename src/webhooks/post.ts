import type { promises as dns, LookupAddress, LookupOptions } from 'node:dns';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import { bareHost, isPublic, knownAddresses } from './address.ts';

/** One POST to a receiver, who may be anybody: it takes no longer than its limit, and reads nothing but the status. */

/** Why there was no answer, in words that name no address: a client may be shown them. */
export class PostError extends Error {
  override readonly name = 'PostError';
  /** Whether it would fail in the same way again. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    super(message);
    this.isFinal = isFinal;
  }
}

export interface PostOptions {
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Whether addresses of private networks are allowed. */
  allowPrivate: boolean;
  resolver: Pick<dns.Resolver, 'resolve4' | 'resolve6'>;
  /** For all of it, from the look-up of the name to the status. */
  timeoutMs: number;
}

/**
 * Resolves the host once, and connects to an address that was checked: a name that leads elsewhere at the next look-up
 * leads nowhere. Redirects are not followed.
 * @returns the status of the answer.
 * @throws {PostError}
 */
export async function post(url: URL, options: PostOptions): Promise<number> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new PostError(`there was no answer within ${options.timeoutMs / 1000} seconds`));
      limit.abort();
    }, options.timeoutMs);
  });
  try {
    return await Promise.race([late, resolveAndSend(url, options, limit.signal)]);
  } finally {
    clearTimeout(timer);
  }
}

async function resolveAndSend(url: URL, options: PostOptions, signal: AbortSignal): Promise<number> {
  const addresses = await addressesOf(bareHost(url), options.resolver);
  if (!options.allowPrivate && !addresses.every(isPublic)) {
    throw new PostError(
      'its host is in a private network, where webhooks may not go (WEBHOOK_ALLOW_PRIVATE)',
      true,
    );
  }
  return await send(url, addresses, options, signal);
}

/** @throws {PostError} */
async function addressesOf(host: string, resolver: PostOptions['resolver']): Promise<readonly string[]> {
  const known = knownAddresses(host);
  if (known !== undefined) return known;
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (addresses.length === 0) throw new PostError('its host has no address in DNS');
  return addresses;
}

function send(
  url: URL,
  addresses: readonly string[],
  { headers, body }: PostOptions,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: lookupOf(addresses),
      // No connection is kept: the next message may have to go elsewhere.
      agent: false,
      signal,
    });
    request.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      // Its body could be endless.
      response.on('error', () => {}).destroy();
    });
    request.on('error', (error) => reject(new PostError(reasonOf(error))));
    request.end(body);
  });
}

type Lookup = (
  host: string,
  options: LookupOptions,
  callback: (error: null, address: string | LookupAddress[], family?: number) => void,
) => void;

/** Answers with these addresses, whatever the host; without a name Node does not ask. */
const lookupOf =
  (addresses: readonly string[]): Lookup =>
  (_host, { all }, callback) => {
    const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    // A connection must not begin before its caller has returned.
    process.nextTick(() => {
      if (all) callback(null, found);
      else callback(null, found[0].address, found[0].family);
    });
  };

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'there was no connection',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
};

function reasonOf(error: Error): string {
  // Of several addresses that were tried.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const code = 'code' in first && typeof first.code === 'string' ? first.code : 'an error';
  if (REASONS[code] !== undefined) return REASONS[code];
  if (/^(ERR_TLS|CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO|ERR_SSL)/.test(code))
    return `its TLS certificate or protocol was refused (${code})`;
  if (code.startsWith('HPE_')) return `its answer is not HTTP (${code})`;
  return `it could not be reached (${code})`;
}
