import { Datasets } from './datasets.ts';
import { type DescentOptions, Http } from './http.ts';
import { Installation } from './installation.ts';
import { Jobs } from './jobs.ts';

/**
 * A client of Descent's API, for browsers and Node:
 *
 *     const descent = new Descent({ url: 'http://127.0.0.1:3000' });
 *     const { id } = await descent.jobs.create({ optimizer: { type: 'adam' } });
 *     for await (const event of descent.jobs.events(id)) console.log(event.type);
 */
export class Descent {
  /** Where it is, without a slash at the end. */
  readonly url: string;
  readonly jobs: Jobs;
  readonly datasets: Datasets;
  readonly installation: Installation;

  /** @throws {TypeError} if the URL or the key cannot be one */
  constructor(options: DescentOptions) {
    const http = new Http(options);
    this.url = http.url;
    this.jobs = new Jobs(http);
    this.datasets = new Datasets(http);
    this.installation = new Installation(http);
  }
}

export type { Datasets, PutOptions } from './datasets.ts';
export { DescentError, type ErrorCode } from './errors.ts';
export type { EventsOptions, FeedOptions } from './events.ts';
export type { DescentOptions } from './http.ts';
export type { Installation } from './installation.ts';
export type { CreateOptions, ListOptions } from './job-requests.ts';
export { makeKey } from './job-requests.ts';
export type { ForkOptions, Jobs, ModelFile, WaitOptions } from './jobs.ts';
export type * from './types.ts';
