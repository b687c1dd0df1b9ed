import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { Problem } from './problem.tsx';

/** A view whose code is loaded when it is first shown, so that a visit of the jobs does not wait for it. */
export function later(load: () => Promise<ComponentType>): ComponentType {
  const view = signal<ComponentType | undefined>(undefined);
  const error = signal<unknown>(undefined);
  let isAsked = false;
  const ask = async () => {
    isAsked = true;
    error.value = undefined;
    try {
      view.value = await load();
    } catch (reason) {
      error.value = reason;
    }
  };
  return function Later() {
    if (!isAsked) void ask();
    const View = view.value;
    if (View !== undefined) return <View />;
    return (
      <section class="card">
        {error.value === undefined ? (
          <p class="faint">Loading …</p>
        ) : (
          <>
            <Problem error={error.value} />
            <p>
              <button type="button" onClick={() => location.reload()}>
                Load the page again
              </button>
            </p>
          </>
        )}
      </section>
    );
  };
}
