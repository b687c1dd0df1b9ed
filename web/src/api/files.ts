import { base } from './server.ts';

type Query = Readonly<Record<string, string | number>>;

/** Where the browser itself gets a picture or a file of a job. */
export function fileOf(id: string, path: string, query: Query = {}): string {
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return `${base}jobs/${encodeURIComponent(id)}${path}${search.size === 0 ? '' : `?${search}`}`;
}

/** The image of a row of a dataset, pixel by pixel. */
export const rowImage = (dataset: string, split: 'train' | 'test', index: number): string =>
  `${base}datasets/${encodeURIComponent(dataset)}/rows/${split}/${index}.png`;
