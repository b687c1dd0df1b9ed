import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';

/**
 * A part of some signals, as JSON knows it. The component is drawn again when that part changes, not whenever a signal
 * does: a job that trains changes several times a second.
 */
export function useDistinct<T>(read: () => T, inputs: readonly unknown[]): T {
  const json = useMemo(() => computed(() => JSON.stringify(read())), inputs).value;
  return useMemo(() => JSON.parse(json) as T, [json]);
}
