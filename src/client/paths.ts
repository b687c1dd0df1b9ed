import { DescentError } from './errors.ts';

/** The path of a job. @throws {DescentError} for what is no id, and could be another path, such as `..` */
export const pathOf = (id: string): string => `/jobs/${checked(id)}`;

/** Ids as one value of a query. @throws {DescentError} for what is no id, and could be several */
export const listOf = (ids: readonly string[]): string => ids.map(checked).join(',');

function checked(id: string): string {
  if (/^job_\w+$/.test(id)) return id;
  throw new DescentError(
    'job_not_found',
    `No job has the id ${JSON.stringify(id)}: ids begin with job_. List the jobs to see their ids.`,
  );
}

type Value = string | number | undefined | readonly string[] | Readonly<Record<string, string>>;

/** `?status=queued&val_loss=gt:0&val_loss=lt:1&metadata[team]=a`; '' if nothing is given. */
export function searchOf(query: Readonly<Record<string, Value>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const each of value) search.append(name, each);
    else if (typeof value === 'object') {
      for (const [key, each] of Object.entries(value)) search.append(`${name}[${key}]`, each);
    } else search.append(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}
