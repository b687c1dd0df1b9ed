import { DescentError } from './errors.ts';

/** The path of a job. @throws {DescentError} for what is no id, and could be another path, such as `..` */
export function pathOf(id: string): string {
  if (/^job_\w+$/.test(id)) return `/jobs/${id}`;
  throw new DescentError(
    'job_not_found',
    `No job has the id ${JSON.stringify(id)}: ids begin with job_. List the jobs to see their ids.`,
  );
}

/** `?status=queued&limit=5`; '' if nothing is given. */
export function searchOf(query: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}
