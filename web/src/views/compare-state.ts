import { COLOURS, colourOf } from '../../../src/charts/colours.ts';
import { toggled } from '../parts/toggled.ts';
import { setQuery } from '../route.ts';

/** What a comparison shows; all of it is in the address. */

export const METRICS = ['val_loss', 'val_accuracy', 'val_mae', 'loss', 'accuracy', 'mae'] as const;
export type Metric = (typeof METRICS)[number];

export const XS = { epoch: 'Epochs', step: 'Steps', seconds: 'Seconds since the start' } as const;
export type X = keyof typeof XS;

/** GET /compare takes so many. */
export const MOST_COMPARED = 50;

export interface CompareState {
  ids: readonly string[];
  metric: Metric;
  x: X;
  isLogX: boolean;
  isLogY: boolean;
  baseline: string | undefined;
  hidden: ReadonlySet<string>;
  of: 'best' | 'last';
  /** Those that somebody chose, as #rrggbb. */
  chosen: ReadonlyMap<string, string>;
}

const listIn = (query: URLSearchParams, name: string): string[] =>
  query.get(name)?.split(',').filter(Boolean) ?? [];

const oneOf = <Name extends string>(names: readonly Name[], text: string | null): Name =>
  names.find((name) => name === text) ?? names[0]!;

export function stateIn(query: URLSearchParams): CompareState {
  const colours = listIn(query, 'colours').map((pair) => pair.split(':'));
  return {
    ids: [...new Set(listIn(query, 'jobs'))].filter((id) => /^job_\w+$/.test(id)),
    metric: oneOf(METRICS, query.get('metric')),
    x: oneOf(Object.keys(XS) as X[], query.get('x')),
    isLogX: query.has('logx'),
    isLogY: query.has('logy'),
    baseline: query.get('baseline') ?? undefined,
    hidden: new Set(listIn(query, 'hide')),
    of: oneOf(['best', 'last'] as const, query.get('of')),
    chosen: new Map(
      colours.flatMap(([id, hex]) =>
        id && /^[0-9a-f]{6}$/i.test(hex ?? '') ? [[id, `#${hex}`] as const] : [],
      ),
    ),
  };
}

export function toggleHidden({ hidden }: CompareState, id: string): void {
  setQuery({ hide: [...toggled(hidden, id)].join(',') }, { replace: true });
}

export function chooseColour({ chosen }: CompareState, id: string, colour: string): void {
  const next = new Map(chosen).set(id, colour);
  const colours = [...next].map(([job, hex]) => `${job}:${hex.slice(1)}`).join(',');
  setQuery({ colours }, { replace: true });
}

/** A job's colour depends on its id; where two of few jobs would share one, the later gets the next that is free. */
export function coloursOf({
  ids,
  chosen,
}: CompareState): ReadonlyMap<string, { light: string; dark: string }> {
  const taken = new Set<number>();
  const colours = new Map<string, { light: string; dark: string }>();
  for (const id of ids) {
    let colour = colourOf(id);
    while (taken.has(colour) && taken.size < COLOURS.length) colour = (colour + 1) % COLOURS.length;
    taken.add(colour);
    const own = chosen.get(id);
    colours.set(id, own === undefined ? COLOURS[colour]! : { light: own, dark: own });
  }
  return colours;
}
