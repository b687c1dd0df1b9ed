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

/** For a route's config: probes and scrapers reach a process by whatever address they have for it. */
export const ANY_HOST = { [KEY]: true } as FastifyContextConfig;

/** One host can be written in many ways. */
const MOST_REMEMBERED = 1_000;

const takesAnyHost = ({ routeOptions }: FastifyRequest): boolean => KEY in (routeOptions.config ?? {});

/**
 * Refuses host names that are not ours. Without it, a web page whose name was pointed at 127.0.0.1 could use
 * the API from its visitor's browser (DNS rebinding). That takes a name: an address in a Host header is the one
 * that the client connected to.
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
      throw new ProblemError('malformed_request', 'A request needs a Host header.');
    }
    throw new ProblemError(
      'misdirected_request',
      `This server does not answer to the host name ${JSON.stringify(host.slice(0, 255))}. Use localhost, or have the operator add the name to ALLOWED_HOSTS.`,
    );
  };
}

/** Whether a canonical host is one of ours: the loopback, what is allowed, and every address if we listen on all. */
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
