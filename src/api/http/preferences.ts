/** The header Prefer (RFC 7240). Of its preferences only `wait` is known; the others, and what cannot be read, are ignored. */

/** Longer waits are cut to this: proxies often give up after a minute. */
export const LONGEST_WAIT_SECONDS = 50;

/** Preferences, separated by commas; a comma in quotes separates nothing. */
const PREFERENCES = /(?:[^",]|"(?:[^"\\]|\\.)*"?)+/g;
const NAME = /^\s*wait\s*(?:[=;]|$)/i;
const WAIT = /^\s*wait\s*=\s*(?:"(\d+)"|(\d+))\s*(?:;|$)/i;

/** The header in the OpenAPI document. */
export const PREFER_HEADER = {
  description: `\`wait=N\` (RFC 7240): answer when the job has ended, or after N seconds, 1 to ${LONGEST_WAIT_SECONDS}; more counts as ${LONGEST_WAIT_SECONDS}. Other preferences, and a wait that is no such number, are ignored. A request that waits counts as an event stream.`,
  schema: { type: 'string' },
};

/** The header in the OpenAPI document. */
export const PREFERENCE_APPLIED = {
  description: '`wait=N` if the request waited for the end of the job, or found it ended; otherwise absent.',
  schema: { type: 'string' },
};

/** @returns the seconds that the client would wait; undefined when it does not say so. */
export function parseWait(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  // Of preferences with the same name, the first counts.
  const wait = (String(header).match(PREFERENCES) ?? []).find((preference) => NAME.test(preference));
  const [, quoted, bare] = WAIT.exec(wait ?? '') ?? [];
  const seconds = Math.min(Number(quoted ?? bare), LONGEST_WAIT_SECONDS);
  return seconds >= 1 ? seconds : undefined;
}

/** The value of Preference-Applied. */
export const waitApplied = (seconds: number): string => `wait=${seconds}`;
