import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/store/store-error.ts';
import { Lease } from '../../workers/lease.ts';

/** A lease whose loss can be awaited. */
function lease(extend: () => Promise<boolean>, leaseMs = 300) {
  let lost = () => {};
  const loss = new Promise<'lost'>((resolve) => {
    lost = () => resolve('lost');
  });
  return { lease: new Lease({ extend, leaseMs, onLost: lost }), loss };
}

const never = new Promise<boolean>(() => {});

describe('a lease', () => {
  it('is lost at once when another worker has the lock', async () => {
    const { loss } = lease(async () => false, 3_600_000);
    expect(await loss).toBe('lost');
  });

  it('is lost when an extension hangs without an error', async () => {
    expect(await lease(() => never).loss).toBe('lost');
  });

  it('is lost when extensions fail for long enough, and not before', async () => {
    let calls = 0;
    const startedMs = performance.now();
    const { loss } = lease(async () => {
      calls++;
      throw new Error('no connection');
    });
    await loss;
    // 0.6 of the lease, less what a timer may be early by.
    expect(performance.now() - startedMs).toBeGreaterThan(170);
    expect(calls).toBeGreaterThan(1);
    // It tries every 20 ms: many more tries would mean that it outlived its lease.
    expect(calls).toBeLessThan(30);
  });

  it.each(['OOM', 'MISCONF'] as const)(
    'waits while Redis takes no writes from anybody (%s)',
    async (refusal) => {
      let calls = 0;
      let longer = () => {};
      const after = new Promise<'waiting'>((resolve) => {
        longer = () => resolve('waiting');
      });
      const { lease: waiting, loss } = lease(async () => {
        // One try every 20 ms: without the wait it would be lost after 9.
        if (++calls === 40) longer();
        throw new StoreUnavailableError('refused', { refusal });
      });
      expect(await Promise.race([loss, after])).toBe('waiting');
      waiting.release();
    },
  );

  it.each(['READONLY', 'NOPERM'] as const)(
    'is lost while another could take it over (%s)',
    async (refusal) => {
      const refused = new StoreUnavailableError('refused', { refusal });
      expect(await lease(() => Promise.reject(refused)).loss).toBe('lost');
    },
  );

  it('outlives its length through extensions', async () => {
    const startedMs = performance.now();
    let lostMs: number | undefined;
    const { lease: kept, loss } = lease(() => {
      calls++;
      if (calls === 8) done();
      return Promise.resolve(true);
    });
    void loss.then(() => {
      lostMs = performance.now() - startedMs;
    });
    let calls = 0;
    let done = () => {};
    await new Promise<void>((resolve) => {
      done = resolve;
    });
    expect(performance.now() - startedMs).toBeGreaterThan(300);
    kept.release();
    expect(lostMs).toBeUndefined();
  });

  it('that was released is never lost', async () => {
    let answer: (ours: boolean) => void = () => {};
    let asked: () => void = () => {};
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { lease: released, loss } = lease(() => {
      asked();
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    await wasAsked;
    released.release();
    answer(false);
    const turn = new Promise((resolve) => setImmediate(() => resolve('nothing happened')));
    expect(await Promise.race([loss, turn])).toBe('nothing happened');
  });

  it('is proven by the first extension, but not if another worker has the lock', async () => {
    const { lease: ours } = lease(async () => true);
    expect(await ours.proven).toBe(true);
    ours.release();
    expect(await lease(async () => false, 3_600_000).lease.proven).toBe(false);
    expect(await lease(() => never).lease.proven).toBe(false);
  });
});
