import { parse } from 'node:querystring';

/**
 * One rule for the query of every path. An unknown parameter is refused, because it may be a mistyped filter, and
 * ignoring that would return the wrong data. The only parameters ignored are those that software adds to a URL: cache
 * busters, trackers and polyfills.
 */

/** Names in lower case, without hyphens and underscores. */
const CACHE_BUSTERS = [
  ...['t', 'ts', 'time', 'timestamp', 'r', 'rnd', 'rand', 'random', 'v', 'ver', 'cb', 'nc', 'dc', 'nonce'],
  ...['cache', 'nocache', 'cachebust', 'cachebuster', 'cachebusting', 'cachekey', 'bust', 'buster', 'dummy'],
];
const TRACKERS = [
  ...['gbraid', 'wbraid', 'srsltid', 'gad', 'gadsource', 'gadcampaignid', 'igsh', 'igshid', 'mkttok', 'si'],
  ...['ref', 'refsrc', 'refurl', 'referrer', 'epik', 'lifatid', 'sccid', 'trk', 'trkcampaign'],
];
const FOREIGN = new Set([...CACHE_BUSTERS, ...TRACKERS]);

/** A bare number is a cache buster; gclid, fbclid, msclkid and the like count clicks; evs_ is a polyfill's. */
const FOREIGN_KINDS = /^(?:\d+(?:\.\d+)?|_(?!_)\w*|__cf_\w*|(?:utm|mtm|pk|hsa|mc|evs)_\w*|\w*cl(?:k)?id)$/i;

/** The parameters in which EventSource polyfills send Last-Event-ID when they cannot set the header. */
const LAST_EVENT_ID = /^(?:evs_)?last[-_]?event[-_]?id$/i;

const isForeign = (name: string): boolean =>
  FOREIGN_KINDS.test(name) || FOREIGN.has(name.toLowerCase().replaceAll(/[-_]/g, ''));

/** metadata[key]=value, as OpenAPI's deepObject. No body may have the key __proto__, and zod would drop it. */
const PAIR = /^metadata\[(?!__proto__\])(.+)\]$/s;

const isPairs = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fastify's querystringParser: the parameters by name, without the ignored ones. Pairs become one object. */
export function parseQuery(text: string): Record<string, unknown> {
  // By default Node drops all parameters after the first thousand.
  const given = parse(text, '&', '=', { maxKeys: 0 });
  const query: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    const pair = PAIR.exec(name);
    if (LAST_EVENT_ID.test(name)) query.lastEventId = value;
    else if (pair !== null) {
      query.metadata ??= Object.create(null);
      if (isPairs(query.metadata)) query.metadata[pair[1]!] = value;
    } else if (!isForeign(name)) query[name] = value;
  }
  return query;
}
