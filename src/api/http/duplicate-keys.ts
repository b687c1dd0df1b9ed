/** Strings, brackets, braces and commas; the rest of a JSON text cannot contain keys. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;

interface Level {
  /** The keys so far; undefined in an array. */
  keys: Set<string> | undefined;
  /** The key or index of the next value. */
  at: string | number;
  /** Whether the next string is a key. */
  expectsKey: boolean;
}

/**
 * The path to the first key that appears twice in one object of a valid JSON text. Escapes make no difference: "a" and
 * "\u0061" are the same key. Not recursive, because the text may be deeply nested.
 */
export function findDuplicateKey(json: string): (string | number)[] | undefined {
  const levels: Level[] = [];
  let level: Level | undefined;
  for (const [token] of json.matchAll(TOKEN)) {
    switch (token) {
      case '{':
        level = { keys: new Set(), at: '', expectsKey: true };
        levels.push(level);
        break;
      case '[':
        level = { keys: undefined, at: 0, expectsKey: false };
        levels.push(level);
        break;
      case '}':
      case ']':
        levels.pop();
        level = levels.at(-1);
        break;
      case ',':
        if (level?.keys !== undefined) level.expectsKey = true;
        else if (level !== undefined) level.at = Number(level.at) + 1;
        break;
      default:
        if (level?.keys === undefined || !level.expectsKey) break;
        level.at = token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
        level.expectsKey = false;
        if (level.keys.has(level.at)) return levels.map(({ at }) => at);
        level.keys.add(level.at);
    }
  }
  return undefined;
}
