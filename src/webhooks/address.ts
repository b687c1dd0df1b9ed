import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Which addresses a webhook may lead to. A client chooses its URL, and an API may reach what its clients may not:
 * itself, its Redis, the metadata of a cloud.
 */

/** IANA's special-purpose registry of IPv4: whatever is not a host of the public Internet. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  // Multicast, reserved, and broadcast.
  '224.0.0.0/3',
];

/** Only these are given to hosts of the public Internet. */
const GLOBAL_IPV6 = ['2000::/3'];

/** Of those: protocols, documentation, and what carries an IPv4 address within (Teredo, 6to4). */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

const SPECIAL = listOf(SPECIAL_IPV4, 'ipv4');
const GLOBAL6 = listOf(GLOBAL_IPV6, 'ipv6');
const SPECIAL6 = listOf(SPECIAL_IPV6, 'ipv6');

function listOf(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** Whether the address is one of the public Internet. An IPv4 address written as IPv6 counts as none. */
export function isPublic(address: string): boolean {
  if (isIPv6(address)) return GLOBAL6.check(address, 'ipv6') && !SPECIAL6.check(address, 'ipv6');
  return isIP(address) === 4 && !SPECIAL.check(address, 'ipv4');
}

/** The host without the brackets of IPv6 and the final dot of DNS. */
export const bareHost = ({ hostname }: URL): string =>
  hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

const isLocalName = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

/** This machine's names (RFC 6761), which DNS need not know. */
export const LOOPBACK = ['127.0.0.1', '::1'];

/** The addresses that a host is without DNS: an address itself, or a name of this machine. */
export function knownAddresses(host: string): readonly string[] | undefined {
  if (isIP(host) !== 0) return [host];
  return isLocalName(host) ? LOOPBACK : undefined;
}

/**
 * Whether a URL leads to a private address, as far as it says so itself. The parser of URLs has brought every spelling of
 * an IPv4 address (decimal, octal, hexadecimal) into the usual one.
 */
export const leadsInside = (url: URL): boolean =>
  knownAddresses(bareHost(url))?.some((ip) => !isPublic(ip)) ?? false;
