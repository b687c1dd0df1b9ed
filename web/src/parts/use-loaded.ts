import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { AGAIN_MS, isPassing } from '../api/server.ts';

export interface Loaded<Value> {
  value?: Value | undefined;
  error?: unknown;
}

/**
 * What `load` gives, again whenever one of `inputs` changes. The last value stays until the next is there.
 * What fails for a moment is tried again. everyMs: it is loaded again so long after each answer.
 */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
  everyMs?: number,
): Signal<Loaded<Value>> {
  const loaded = useSignal<Loaded<Value>>({});
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const attempt = () =>
      void load(stop.signal).then(
        (value) => {
          if (stop.signal.aborted) return;
          loaded.value = { value };
          if (everyMs !== undefined) timer = setTimeout(attempt, everyMs);
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          loaded.value = { value: loaded.peek().value, error };
          if (everyMs !== undefined || isPassing(error)) timer = setTimeout(attempt, everyMs ?? AGAIN_MS);
        },
      );
    attempt();
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, inputs);
  return loaded;
}
