/** Finds the setting that a misspelt name probably means. */

const OUR_PREFIX = /^DESCENT_+/i;

/** A name with this many letters may have two wrong; a shorter one may have one. */
const LONG_NAME = 10;

/** The setting that this name nearly matches; undefined when it is a setting or resembles none. */
export function likelySetting(name: string, settings: readonly string[]): string | undefined {
  if (settings.includes(name)) return undefined;
  const letters = lettersOf(name.replace(OUR_PREFIX, ''));
  const byDistance = settings
    .map((setting) => ({ setting, distance: distance(letters, lettersOf(setting)) }))
    .sort((one, other) => one.distance - other.distance);
  const nearest = byDistance[0];
  const allowed = lettersOf(nearest.setting).length >= LONG_NAME ? 2 : 1;
  return nearest.distance <= allowed ? nearest.setting : undefined;
}

const lettersOf = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');

/** Number of insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function distance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, k) => k)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let k = 1; k <= other.length; k++) {
      const isSame = one[i - 1] === other[k - 1];
      const isSwapped = one[i - 1] === other[k - 2] && one[i - 2] === other[k - 1];
      row[k] = Math.min(
        rows[i - 1][k] + 1,
        row[k - 1] + 1,
        rows[i - 1][k - 1] + (isSame ? 0 : 1),
        isSwapped ? rows[i - 2][k - 2] + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[one.length][other.length];
}
