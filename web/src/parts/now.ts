import { signal } from '@preact/signals';

/** The time in ms, a few times a minute: for what says how long ago something was. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 15_000);
