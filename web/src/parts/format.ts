import type { Job } from '../../../src/client/descent.ts';

/** Numbers and times as people read them. A dash for what there is not. */

const NOTHING = '–';

/** A share of 1 as a percentage with two decimals: 0.9765 -> 97.65 %. */
export const percent = (share: number | null | undefined): string =>
  share == null ? NOTHING : `${(100 * share).toFixed(2)} %`;

/** Four significant digits, without an exponent where people need none. */
export function short(value: number | null | undefined): string {
  if (value == null) return NOTHING;
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** The learning rate, or the name of its schedule. */
export const rate = ({ optimizer: { learning_rate: it } }: Job['spec']): string =>
  typeof it === 'number' ? short(it) : it.type;

const NUMBER = new Intl.NumberFormat('en');

export const whole = (value: number | null | undefined): string =>
  value == null ? NOTHING : NUMBER.format(value);

/** 1.6 s, 2 min 5 s, 3 h 12 min. */
export function seconds(value: number | null | undefined): string {
  if (value == null) return NOTHING;
  if (value < 10) return `${value.toFixed(1)} s`;
  const rounded = Math.round(value);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(value: number | null | undefined): string {
  if (value == null) return NOTHING;
  let [size, unit] = [value, 0];
  for (; size >= 1000 && unit < UNITS.length - 1; unit += 1) size /= 1000;
  return `${unit === 0 ? size : size.toPrecision(3)} ${UNITS[unit]}`;
}

/** How long ago: just now, 5 min ago, 3 h ago, then the date. */
export function ago(time: string, nowMs: number): string {
  const minutes = Math.floor((nowMs - Date.parse(time)) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return new Date(time).toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' });
}
