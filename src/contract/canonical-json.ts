/** Serializes equal JSON to equal text, whatever the order of its keys. Recursive: only for JSON of known depth. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys);
}

/** A replacer for JSON.stringify. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
