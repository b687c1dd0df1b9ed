import { type Signal, signal } from '@preact/signals';

/** The part of x that charts show: from, to; undefined for all of it. Charts with one key share it, drawn or not yet. */
export type Zoom = readonly [from: number, to: number] | undefined;

const zooms = new Map<string, Signal<Zoom>>();

export function zoomOf(syncKey: string): Signal<Zoom> {
  let found = zooms.get(syncKey);
  if (found === undefined) {
    found = signal<Zoom>(undefined);
    zooms.set(syncKey, found);
  }
  return found;
}
