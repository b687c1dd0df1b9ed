/** SVG as text. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What XML 1.0 cannot hold, not even escaped: controls but tab and line ends, half surrogates, U+FFFE, U+FFFF. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

/** Text for between tags and in attributes. */
export const escapeXml = (text: string): string =>
  text.replace(NOT_XML, '\u{fffd}').replace(/[&<>"']/g, (character) => ENTITIES[character]);

/** Coordinates in tenths of a pixel: finer is not seen, and only makes the file bigger. */
export const px = (value: number): string => String(Math.round(value * 10) / 10);
