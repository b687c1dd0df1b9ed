/** CSV by RFC 4180. */

/** Text must have gone through `csvText`; null is an empty field. */
export type CsvCell = string | number | null;

export const renderCsv = (lines: readonly (readonly CsvCell[])[]): string =>
  `${lines.map((line) => line.map((cell) => cell ?? '').join(',')).join('\r\n')}\r\n`;

/** Quoted where CSV needs it. A spreadsheet takes text that begins with one of =+-@ for a formula; ' prevents that. */
export function csvText(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
