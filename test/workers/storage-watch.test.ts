import { expect, it, onTestFinished, vi } from 'vitest';
import { StorageCheck } from '../../src/store/storage-check.ts';
import { StorageWatch } from '../../workers/storage-watch.ts';

/** A watch whose checks the test answers, and what it reports. */
function watching() {
  vi.useFakeTimers();
  let problem: string | undefined;
  let looks = 0;
  const heard: unknown[] = [];
  const log = {
    info: () => heard.push('info'),
    warn: () => heard.push('warn'),
    error: (details: object) => heard.push(details),
  };
  const check = {
    problem: async () => {
      looks++;
      return problem;
    },
  };
  const watch = new StorageWatch(check, log);
  onTestFinished(() => {
    watch.stop();
    vi.useRealTimers();
  });
  return {
    watch,
    heard,
    looks: () => looks,
    start: () => watch.start((works) => heard.push(works)),
    become: (next: string | undefined) => {
      problem = next;
    },
  };
}

it('checks at its start and every minute, and reports nothing while the storage works', async () => {
  const { watch, heard, looks, start } = watching();
  await start();
  expect([looks(), watch.problem]).toEqual([1, undefined]);
  await vi.advanceTimersByTimeAsync(59_000);
  expect(looks()).toBe(1);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(looks()).toBe(3);
  expect(heard).toEqual([]);
});

it('reports once that the storage fails, and once that it works again', async () => {
  const { watch, heard, start, become } = watching();
  become('full');
  await start();
  expect(watch.problem).toBe('full');
  await vi.advanceTimersByTimeAsync(30_000);
  become('read-only');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(watch.problem).toBe('read-only');
  become(undefined);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(watch.problem).toBeUndefined();
  expect(heard).toEqual([{ reason: 'full' }, false, 'info', true]);
});

it('reports nothing after it was stopped, whatever a running check finds', async () => {
  const { watch, heard, start, become, looks } = watching();
  await start();
  become('full');
  const look = watch.look();
  watch.stop();
  await look;
  await vi.advanceTimersByTimeAsync(120_000);
  expect([heard, looks()]).toEqual([[], 2]);
});

it('a storage that hangs counts as broken, and is not checked again meanwhile', async () => {
  let looks = 0;
  let answer: () => void = () => {};
  const hanging = new StorageCheck(() => {
    looks++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  }, 50);
  const sentence = 'The file system did not answer within 0.05 s.';
  expect(await hanging.problem()).toBe(sentence);
  expect(await hanging.problem()).toBe(sentence);
  expect(looks).toBe(1);
  const asked = hanging.problem();
  answer();
  expect(await asked).toBeUndefined();
});
