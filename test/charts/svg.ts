import { expect } from 'vitest';

/** What the tests of all charts read in an SVG. */

export const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

/** The plotted lines, without those of the legend. */
export const linesOf = (svg: string): string[] =>
  [...svg.matchAll(/class="line"[^>]* d="(M[^"]*)"/g)]
    .map(([, path]) => path!)
    .filter((path) => !path.includes('h'));

/** Checks what holds for every chart: one element, balanced tags, valid numbers, nothing outside the picture. */
export function expectSound(svg: string): void {
  expect(svg).toMatch(/^<svg [^>]*role="img"[^>]*>/);
  expect(svg.trimEnd()).toMatch(/<\/svg>$/);
  expect(svg).toMatch(/<title id="title">[^<]+<\/title>\n<desc id="desc">[^<]+<\/desc>/);
  expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(svg).not.toMatch(/<script|href=|url\(|on\w+=/);
  const open: string[] = [];
  for (const [, end, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (end === '/') expect(open.pop()).toBe(name);
    else if (self !== '/') open.push(name!);
  }
  expect(open).toEqual([]);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!;
  const places = [/[ML](-?[\d.]+) (-?[\d.]+)/g, / x="(-?[\d.]+)" y="(-?[\d.]+)"/g];
  for (const [, x, y] of places.flatMap((place) => [...svg.matchAll(place)])) {
    expect(Number(x)).toBeGreaterThanOrEqual(0);
    expect(Number(x)).toBeLessThanOrEqual(Number(width));
    expect(Number(y)).toBeGreaterThanOrEqual(0);
    expect(Number(y)).toBeLessThanOrEqual(Number(height));
  }
}
