import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import { monotonicMs } from '../../process/clock.ts';
import { overloaded } from './problems.ts';

/**
 * Refuses requests while the event loop lags. Our own, because @fastify/under-pressure also reads the memory of the
 * process in its timer, which throws when no file descriptor is left, and so ends the process.
 */

const KEY = 'anyLoad';
const RESOLUTION_MS = 10;
const SAMPLE_MS = 500;

/** For a route's config: answers even under pressure, because a failed probe may get the process killed. */
export const ANY_LOAD = { [KEY]: true } as FastifyContextConfig;

/** @param maxDelayMs mean delay of the event loop above which requests are refused; 0 = never */
export function refuseUnderPressure(app: FastifyInstance, maxDelayMs: number): void {
  if (maxDelayMs === 0) return;
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  let delayMs = 0;
  let sampledMs = monotonicMs();
  const sample = setInterval(() => {
    const nowMs = monotonicMs();
    const meanMs = delays.mean / 1e6 - RESOLUTION_MS;
    // No delay was measured in a sample during which the loop never turned: then this is how late the sample is.
    delayMs = Number.isNaN(meanMs) ? nowMs - sampledMs - SAMPLE_MS : meanMs;
    sampledMs = nowMs;
    delays.reset();
  }, SAMPLE_MS).unref();
  // Loading the program has blocked the event loop until now, which is no overload.
  app.addHook('onListen', async () => {
    delays.reset();
    delayMs = 0;
    sampledMs = monotonicMs();
  });
  app.addHook('onClose', async () => {
    clearInterval(sample);
    delays.disable();
  });
  app.addHook('onRequest', async ({ routeOptions }: FastifyRequest) => {
    if (delayMs > maxDelayMs && !(KEY in (routeOptions.config ?? {}))) throw overloaded();
  });
}
