/** Helpers for writing SVG as text. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Not allowed in XML 1.0, even escaped: controls except tab and line ends, lone surrogates, U+FFFE, U+FFFF. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/** Escapes text for use between tags and in attributes. */
export const escapeXml = (text: string): string =>
  text.replace(NOT_XML, '\u{fffd}').replace(/[&<>"']/g, (character) => ENTITIES[character]);

/** A coordinate, rounded to a tenth of a pixel: more digits would only make the file bigger. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);

/** In units of an average letter. Chinese, Japanese and Korean characters and emoji are twice as wide. */
function widthOf(character: string): number {
  if (character.codePointAt(0)! >= 0x2e80) return 2;
  return /[MWmw@%]/.test(character) ? 1.5 : 1;
}

/** Truncates text that is wider than so many average letters. */
export function shorten(text: string, most: number): string {
  const start = startOf([...text], most);
  return start.length === [...text].length ? text : `${start.join('')}…`;
}

/** The same, but leaves out the middle: names that are alike often differ at their end. */
export function shortenInside(text: string, most: number): string {
  const characters = [...text];
  if (startOf(characters, most).length === characters.length) return text;
  const half = (most - 1) / 2;
  const end = startOf(characters.toReversed(), half).reverse();
  return `${startOf(characters, half).join('')}…${end.join('')}`;
}

/** As many characters as fit. */
function startOf(characters: readonly string[], most: number): string[] {
  let width = 0;
  const end = characters.findIndex((character) => {
    width += widthOf(character);
    return width > most;
  });
  return characters.slice(0, end < 0 ? undefined : end);
}
