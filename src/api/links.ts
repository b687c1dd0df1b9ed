import type { JobView } from '../store/job-view.ts';

/**
 * Every path in a response begins with BASE_PATH, so that it leads back through the proxy that the request came
 * through. Requests are accepted with it and without it: a proxy may strip it.
 */

/** The path of a request as the routes define it. */
export function withoutBasePath(basePath: string, url: string): string {
  if (!url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest.startsWith('/')) return rest;
  return rest === '' || rest.startsWith('?') ? `/${rest}` : url;
}

export const pathOfJob = (basePath: string, id: string): string => `${basePath}/jobs/${id}`;

export const pathOfDataset = (basePath: string, name: string): string => `${basePath}/datasets/${name}`;

/** A job as the API shows it: the JSON that the store has, and the links at its end. A path needs no escapes in JSON. */
export function withLinks(basePath: string, { id, text }: Pick<JobView, 'id' | 'text'>): string {
  const self = pathOfJob(basePath, id);
  return (
    `${text.slice(0, -1)},"links":{"self":"${self}","metrics":"${self}/metrics","events":"${self}/events",` +
    `"evaluation":"${self}/evaluation","model":"${self}/model","loss_chart":"${self}/charts/loss.svg",` +
    `"accuracy_chart":"${self}/charts/accuracy.svg","mae_chart":"${self}/charts/mae.svg",` +
    `"confusion_chart":"${self}/charts/confusion.svg","residual_chart":"${self}/charts/residuals.svg",` +
    `"cancel":"${self}/cancel"}}`
  );
}

/** The ETag of that. It depends on BASE_PATH, so a client with outdated links gets the new ones. */
export const etagWithLinks = (basePath: string, etag: string): string =>
  basePath === '' ? etag : `${etag.slice(0, -1)}.${basePath}"`;
