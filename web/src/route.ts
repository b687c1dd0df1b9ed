import { computed, signal } from '@preact/signals';

/** Where the page is: its view and what it shows are in the address, behind `#/`, so that it can be sent to somebody. */

export interface Route {
  /** Such as ['jobs', 'job_01J...']. */
  path: readonly string[];
  query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

type Query = Readonly<Record<string, string | undefined>>;

/** The address of a view. */
export function href(path: string, query: Query | URLSearchParams = {}): string {
  const search =
    query instanceof URLSearchParams
      ? query
      : new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : [])));
  return `#/${path}${search.size === 0 ? '' : `?${search}`}`;
}

export function go(to: string): void {
  location.hash = to;
}

/** Changes what the view shows. `replace`: without a step back, for what changes with every key. */
export function setQuery(changes: Query, { replace = false } = {}): void {
  const { path, query } = route.peek();
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  const to = href(path.map(encodeURIComponent).join('/'), next);
  if (replace) {
    history.replaceState(null, '', to);
    hash.value = location.hash;
  } else go(to);
}
