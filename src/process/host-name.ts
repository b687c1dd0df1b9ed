import { isIP } from 'node:net';

/** Converts host names, as clients, operators and programs write them, to one canonical form for comparison. */

/** IPv6 in brackets, perhaps with a zone, or a name or IPv4 address; with a port or without. */
const AUTHORITY = /^(?:\[([0-9a-f:.]+)(?:%[^\s\]]*)?\]|([^\s:/?#@\\%[\]]+?)\.?)(?::\d{0,5})?$/i;

const NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;

/** An IPv4-mapped IPv6 address as URL writes it. */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * The host of a Host header, a setting or a socket: in lower case, without port or trailing dot, addresses in their
 * shortest form, IPv6 in brackets and without a zone.
 * @returns undefined when the text is not a host.
 */
export function canonicalHost(text: string): string | undefined {
  const given = text.trim();
  const [, ipv6, name] = AUTHORITY.exec(isBareIPv6(given) ? `[${given}]` : given) ?? [];
  const host = ipv6 === undefined ? name : `[${ipv6}]`;
  if (host === undefined || !URL.canParse(`http://${host}`)) return undefined;
  const { hostname } = new URL(`http://${host}`);
  const [, high, low] = MAPPED.exec(hostname) ?? [];
  if (high !== undefined && low !== undefined) return toIPv4(high, low);
  return hostname.startsWith('[') || NAME.test(hostname) ? hostname : undefined;
}

/** Node takes any text for a zone, `::1%.evil.example` too; without brackets it must be a plain interface name. */
const isBareIPv6 = (text: string): boolean => isIP(text) === 6 && !/%.*[^\w-]/.test(text);

function toIPv4(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}

/**
 * An entry of ALLOWED_HOSTS: a host, or `*.` before a name to match all names under it. A URL counts as its host.
 * @returns undefined when the text is neither.
 */
export function canonicalPattern(text: string): string | undefined {
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(text) ?? [];
  // Without a scheme, what follows a slash is no path: 10.0.0.0/8 is a block of addresses.
  const authority = rest.replace(scheme === undefined ? /\/$/ : /[/?#].*$/s, '');
  if (!authority.startsWith('*.')) return canonicalHost(authority);
  const parent = canonicalHost(authority.slice(2));
  return parent === undefined || isAddress(parent) ? undefined : `*.${parent}`;
}

/** Whether a canonical host is an address rather than a name. */
export const isAddress = (host: string): boolean => host.startsWith('[') || isIP(host) === 4;

/** Whether a canonical host is reachable only from this machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/** Whether listening on a canonical host means listening on every address of the machine. */
export const isEveryAddress = (host: string): boolean => host === '0.0.0.0' || host === '[::]';
