import { escapeXml, px, shorten } from './svg.ts';

/** What every picture has: one SVG file, no scripts, no external references, its own light and dark background. */

export interface Picture {
  /** All in px. */
  width: number;
  height: number;
  /** Where the headings have their middle. */
  middle: number;
  title: string;
  /** Below the title; truncated when too long. */
  subtitle: string;
  /** What the picture shows, in words, for screen readers. */
  description: string;
  /** CSS for what only this picture has. */
  style: string;
}

/** px that the headings take. */
export const HEADING_HEIGHT = 76;

/** px of an average letter of the subtitle, and beside it. */
const LETTER = 7;
const MARGINS = 132;

const STYLE = `
svg{color-scheme:light dark}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif;font-size:13px;fill:#57606a}
.card{fill:#fff;stroke:#d0d7de}
.title{font-size:19px;font-weight:600;fill:#1f2328}
.label{font-size:14px;fill:#1f2328}
.legend{fill:#1f2328}
.note{font-size:16px}
.grid{stroke:#d8dee4;stroke-width:1}
.axis{stroke:#8c959f;stroke-width:1}
.line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
`;

const DARK_STYLE = `
text{fill:#9198a1}
.card{fill:#0d1117;stroke:#3d444d}
.title,.label,.legend{fill:#f0f6fc}
.grid{stroke:#2a313c}
.axis{stroke:#656c76}
`;

/** The rules for a light and for a dark background. */
export const lightAndDark = (light: string, dark: string): string =>
  `${light}@media (prefers-color-scheme:dark){${dark}}`;

export function drawPicture(picture: Picture, content: readonly string[]): string {
  const { width, height, title, subtitle, description, style } = picture;
  const css = `${lightAndDark(STYLE, DARK_STYLE)}${style}`.replaceAll('\n', '');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeXml(`${title}: ${subtitle}`)}</title>`,
    `<desc id="desc">${escapeXml(description)}</desc>`,
    `<style>${css}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...drawHeading(picture),
    ...content,
    '</svg>',
    '',
  ].join('\n');
}

function drawHeading({ width, middle, title, subtitle }: Picture): string[] {
  const short = shorten(subtitle, (width - MARGINS) / LETTER);
  const x = px(middle);
  return [
    `<text class="title" x="${x}" y="33" text-anchor="middle">${escapeXml(title)}</text>`,
    `<text x="${x}" y="55" text-anchor="middle">${escapeXml(short)}</text>`,
  ];
}
