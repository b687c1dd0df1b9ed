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

/** The path of a delivery. @throws {DescentError} for what is no id, and could be another path */
export function pathOfDelivery(id: string, delivery: string): string {
  if (/^msg_\w+$/.test(delivery)) return `${pathOf(id)}/deliveries/${delivery}`;
  throw new DescentError(
    'not_found',
    `No delivery has the id ${JSON.stringify(delivery)}: ids begin with msg_. List the job's deliveries to see them.`,
  );
}

/** The path of a dataset. @throws {DescentError} for what is no name, and could be another path */
export function pathOfDataset(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) return `/datasets/${name}`;
  throw new DescentError(
    'dataset_not_found',
    `No dataset can be called ${JSON.stringify(name)}: a name has 1 to 64 characters, a lowercase letter or digit, then also _ and -.`,
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
