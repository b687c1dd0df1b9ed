import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

export interface Loaded<Value> {
  value?: Value | undefined;
  error?: unknown;
}

/** What `load` gives, again whenever one of `inputs` changes. The last value stays until the next is there. */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
): Signal<Loaded<Value>> {
  const loaded = useSignal<Loaded<Value>>({});
  useEffect(() => {
    const stop = new AbortController();
    load(stop.signal).then(
      (value) => {
        if (!stop.signal.aborted) loaded.value = { value };
      },
      (error: unknown) => {
        if (!stop.signal.aborted) loaded.value = { value: loaded.peek().value, error };
      },
    );
    return () => stop.abort();
  }, inputs);
  return loaded;
}
