import type { FastifyContextConfig, FastifyRequest } from 'fastify';
import {
  canonicalHost,
  canonicalPattern,
  isAddress,
  isEveryAddress,
  isLoopback,
} from '../../process/host-name.ts';
import { ProblemError } from './problems.ts';

const KEY = 'anyHost';

/** For a route's config: probes and scrapers may use any address of the process. */
export const ANY_HOST = { [KEY]: true } as FastifyContextConfig;

/** One host can be written in many ways. */
const MOST_REMEMBERED = 1_000;

const takesAnyHost = ({ routeOptions }: FastifyRequest): boolean => KEY in (routeOptions.config ?? {});

/**
 * Refuses host names that are not ours. Without it, a web page whose name was pointed at 127.0.0.1 could use the API
 * from its visitor's browser (DNS rebinding). The attack needs a name: an address in a Host header is the address that
 * the client connected to.
 */
export function buildHostCheck(allowedHosts: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const isServed = buildIsServed(allowedHosts);
  // Most requests name the host that the one before named.
  const servedBefore = new Set<string>();
  return async (request) => {
    const { host } = request.headers;
    if (host !== undefined && servedBefore.has(host)) return;
    const canonical = host === undefined ? undefined : canonicalHost(host);
    if (host !== undefined && canonical !== undefined && isServed(canonical)) {
      if (servedBefore.size < MOST_REMEMBERED) servedBefore.add(host);
      return;
    }
    if (takesAnyHost(request)) return;
    if (host === undefined || host === '') {
      throw new ProblemError('malformed_request', 'The request has no Host header. Send one.');
    }
    throw new ProblemError(
      'misdirected_request',
      `This server does not serve the host ${JSON.stringify(host.slice(0, 100))}. Use localhost, or ask the operator to add the host to ALLOWED_HOSTS.`,
    );
  };
}

/** Whether a canonical host is served: the loopback, the allowed hosts, and any address if we listen on all of them. */
function buildIsServed(allowedHosts: readonly string[]): (host: string) => boolean {
  const allowed = allowedHosts.flatMap((text) => canonicalPattern(text) ?? []);
  const names = new Set(allowed);
  const endings = allowed.filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  const addresses = allowed.some(isEveryAddress);
  return (host) =>
    isLoopback(host) ||
    names.has(host) ||
    (isAddress(host) ? addresses : endings.some((ending) => host.endsWith(ending)));
}
