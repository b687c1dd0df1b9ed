import { parse } from 'node:querystring';

/**
 * One rule for the query of every path. A parameter that the path does not know is refused, since it may be a
 * mistyped filter: to ignore it would answer another question. Only parameters that are known to come from
 * others than the client's author are left out: what caches, trackers and polyfills add to a URL.
 */

/** Names, without case, hyphens and underscores inside. */
const CACHE_BUSTERS = [
  ...['t', 'ts', 'time', 'timestamp', 'r', 'rnd', 'rand', 'random', 'v', 'ver', 'cb', 'nc', 'dc', 'nonce'],
  ...['cache', 'nocache', 'cachebust', 'cachebuster', 'cachebusting', 'cachekey', 'bust', 'buster', 'dummy'],
];
const TRACKERS = [
  ...['gbraid', 'wbraid', 'srsltid', 'gad', 'gadsource', 'gadcampaignid', 'igsh', 'igshid', 'mkttok', 'si'],
  ...['ref', 'refsrc', 'refurl', 'referrer', 'epik', 'lifatid', 'sccid', 'trk', 'trkcampaign'],
];
const FOREIGN = new Set([...CACHE_BUSTERS, ...TRACKERS]);

/** A number alone is a cache-buster; gclid, fbclid, msclkid and their like count clicks; evs_ is a polyfill's. */
const FOREIGN_KINDS = /^(?:\d+(?:\.\d+)?|_(?!_)\w*|__cf_\w*|(?:utm|mtm|pk|hsa|mc|evs)_\w*|\w*cl(?:k)?id)$/i;

/** How EventSource polyfills write the header Last-Event-ID where they cannot set it. */
const LAST_EVENT_ID = /^(?:evs_)?last[-_]?event[-_]?id$/i;

const isForeign = (name: string): boolean =>
  FOREIGN_KINDS.test(name) || FOREIGN.has(name.toLowerCase().replaceAll(/[-_]/g, ''));

/** Fastify's querystringParser: parameters by name, without those of others. */
export function parseQuery(text: string): Record<string, unknown> {
  // Node would drop what comes after a thousand parameters.
  const given = parse(text, '&', '=', { maxKeys: 0 });
  const query: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    if (LAST_EVENT_ID.test(name)) query.lastEventId = value;
    else if (!isForeign(name)) query[name] = value;
  }
  return query;
}
