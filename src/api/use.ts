import type { OwnerUse } from '../contract/access.ts';
import { monotonicMs } from '../process/clock.ts';
import type { ApiDeps } from './deps.ts';
import type { TokenBuckets } from './http/token-buckets.ts';

/**
 * What an owner uses of his quotas, and may use. `streams`: those of this process.
 * @throws {StoreUnavailableError}
 */
export async function useOf(
  owner: string,
  { store, datasets, quotas }: Pick<ApiDeps, 'store' | 'datasets' | 'quotas'>,
  { buckets, streams }: { buckets: TokenBuckets | undefined; streams: number },
): Promise<OwnerUse> {
  const [{ queued, running, storageBytes }, { own }] = await Promise.all([
    store.use(owner),
    datasets.bytes(owner),
  ]);
  const { queuedJobs, runningJobs, requestsPerMinute, storageBytes: room } = quotas;
  const left = buckets?.look(owner, monotonicMs()).remaining;
  return {
    queued: { used: queued, limit: queuedJobs ?? null },
    running: { used: running, limit: typeof runningJobs === 'number' ? runningJobs : null },
    storage_bytes: { used: storageBytes, limit: room ?? null },
    dataset_bytes: { used: own, limit: quotas.datasetBytes ?? null },
    requests_this_minute: {
      used: requestsPerMinute === undefined || left === undefined ? 0 : requestsPerMinute - left,
      limit: requestsPerMinute ?? null,
    },
    streams: { used: streams, limit: quotas.streams ?? null },
  };
}
