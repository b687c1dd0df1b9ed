/** The same text for the same JSON, whatever the order of its keys. Only for JSON of a known depth. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortKeys);
}

/** For JSON.stringify: objects with their keys in order. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
