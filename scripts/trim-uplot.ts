import type { Plugin } from 'rolldown';

/**
 * Leaves out of uPlot what the page has no use for, a fifth of it. uPlot hangs everything on one function, where no
 * bundler can tell what is used; without these lines it can.
 */

const TRIMS: readonly [what: RegExp, instead: string][] = [
  // Its static members: bars, splines, joins of tables, formats of dates.
  [/^\t?\(?(uPlot|paths)\.\w+\s*= \w+\)?;$/gm, ''],
  // Axes of time.
  [/\blet isTime = .*;/g, 'const isTime = false;'],
  [/^\tconst _time(AxisSplits|AxisVals|SeriesVal)\s+= .*;$/gm, ''],
  [/^const \[.*\] = genTimeStuffs\(.*\);$/gm, ''],
  // Scales that are neither linear nor logarithmic.
  [/\b(\w+\.)?distr == (2|4|100)\b/g, 'false'],
  // Scatter plots, which are its other mode.
  [/\bmode == 1\b/g, 'true'],
  [/\bmode == 2\b/g, 'false'],
];

export const trimUplot: Plugin = {
  name: 'trim-uplot',
  transform: {
    filter: { id: /uPlot\.esm\.js$/ },
    handler: (code) => TRIMS.reduce(trimmed, code),
  },
};

/** @throws {Error} if there is nothing to trim: another version of uPlot is written in another way. */
function trimmed(code: string, [what, instead]: readonly [RegExp, string]): string {
  const result = code.replace(what, instead);
  if (result === code) throw new Error(`uPlot has no ${what} any more: look at it, and mend trim-uplot.ts.`);
  return result;
}
