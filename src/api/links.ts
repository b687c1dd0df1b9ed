import type { Job } from '../contract/job.ts';
import type { StoredJob } from '../store/job-record.ts';

/**
 * Every path that an answer carries begins with BASE_PATH, so that it leads back through the proxy that the
 * request came by. Requests are taken with it and without: a proxy may strip it.
 */

/** The path of a request as the routes know it. */
export function withoutBasePath(basePath: string, url: string): string {
  if (!url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
}

const linksOf = (basePath: string, id: string): Job['links'] => {
  const self = `${basePath}/jobs/${id}`;
  return {
    self,
    metrics: `${self}/metrics`,
    events: `${self}/events`,
    evaluation: `${self}/evaluation`,
    loss_chart: `${self}/charts/loss.svg`,
    accuracy_chart: `${self}/charts/accuracy.svg`,
    cancel: `${self}/cancel`,
  };
};

/** A job as the API shows it. */
export const withLinks = (basePath: string, job: StoredJob): Job => ({
  ...job,
  links: linksOf(basePath, job.id),
});
