import type { FastifyRequest } from 'fastify';
import { ProblemError } from './problems.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

const hostName = (host: string): string => host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');

/**
 * Refuses host names that are not ours. Without it, a web page whose name was pointed at 127.0.0.1 could use
 * the API from its visitor's browser (DNS rebinding).
 */
export function buildHostCheck(allowedHosts: readonly string[]): (request: FastifyRequest) => Promise<void> {
  const served = new Set([...LOOPBACK, ...allowedHosts.map(hostName)]);
  return async (request) => {
    const { host } = request.headers;
    if (host === undefined || host === '') {
      throw new ProblemError('malformed_request', 'A request needs a Host header.');
    }
    if (!served.has(hostName(host))) {
      throw new ProblemError(
        'misdirected_request',
        'Ask for localhost, or have the operator add this host name to ALLOWED_HOSTS.',
      );
    }
  };
}
