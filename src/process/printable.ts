/**
 * Characters that move the cursor of a terminal, begin a line of their own in a log viewer, or reverse the text after
 * them: control characters, line and paragraph separators, and marks of direction.
 */
const UNPRINTABLE = /[^\P{Cc}\t]|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text on one line, with escapes as in JSON for what a terminal would obey. */
export const printable = (text: string): string => text.replaceAll(UNPRINTABLE, escaped);

/** The same for a line of JSON, which ends with a newline. JSON itself escapes only what is below U+0020. */
export const printableJsonLine = (line: string): string => `${printable(line.trimEnd())}\n`;
