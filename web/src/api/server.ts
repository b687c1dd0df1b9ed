import { signal } from '@preact/signals';
import { DescentError } from '../../../src/client/descent.ts';
import { Http } from '../../../src/client/http.ts';
import { Installation } from '../../../src/client/installation.ts';
import { JobRequests } from '../../../src/client/job-requests.ts';
import type { Caller } from '../../../src/client/types.ts';

/** The server that this page came from, and whether it answers and knows us. */

/** Whether the last request was answered. */
export const isReachable = signal(true);

/** Whether the server asks for a key. */
export const needsKey = signal(false);

/** Who we are; undefined until the server has said it. */
export const caller = signal<Caller | undefined>(undefined);

/** A fetch by which the page notices whether the server answers and knows us. */
export const observed =
  (send: typeof fetch): typeof fetch =>
  async (input, init) => {
    try {
      const response = await send(input, init);
      isReachable.value = response.status !== 502 && response.status !== 504;
      if (response.status === 401) needsKey.value = true;
      return response;
    } catch (error) {
      if (init?.signal?.aborted !== true) isReachable.value = false;
      throw error;
    }
  };

/** Whether a request that failed so may succeed in a moment. */
export const isPassing = (error: unknown): boolean =>
  error instanceof DescentError &&
  (error.status === undefined || error.status === 429 || error.status >= 500);

/** After such a failure. */
export const AGAIN_MS = 2_000;

/** Below the path at which a proxy serves the page. */
export const base = new URL('.', location.href.split('#')[0]).href;

export const http = new Http({ url: base, fetch: observed(fetch) });

/** A `Descent` without what few views use. */
export const descent = { jobs: new JobRequests(http), installation: new Installation(http) };

/** Asks who we are. */
export async function recognise(): Promise<void> {
  try {
    caller.value = await descent.installation.me();
    needsKey.value = false;
  } catch (error) {
    if (!(error instanceof DescentError)) throw error;
  }
}

/** @throws {DescentError} */
export async function login(key: string): Promise<void> {
  await descent.installation.login(key);
  await recognise();
}

export async function logout(): Promise<void> {
  await descent.installation.logout();
  caller.value = undefined;
  needsKey.value = true;
}
