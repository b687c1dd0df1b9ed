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
