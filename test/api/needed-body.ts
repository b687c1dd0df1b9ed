import type { InjectOptions } from 'fastify';

/** A body for the operations that need one. */
export function bodyOf(method: string, url: string): Pick<InjectOptions, 'payload' | 'headers'> {
  const json = { headers: { 'content-type': 'application/json' } };
  if (method === 'PATCH') {
    return { payload: '{"name":"x"}', headers: { 'content-type': 'application/merge-patch+json' } };
  }
  if (method !== 'POST') return {};
  if (['/jobs', '/jobs/validate'].includes(url)) return { payload: '{"dataset":"mnist_sample"}', ...json };
  if (url.endsWith('/fork')) return { payload: '{}', ...json };
  if (url.endsWith('/extend')) return { payload: '{"epochs":20}', ...json };
  return {};
}
