import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { DescentError, type JobSpec } from '../../../src/client/descent.ts';
import type { JobPlan } from '../../../src/client/types.ts';
import { descent } from '../api/server.ts';
import type { Field } from '../api/spec-fields.ts';

export interface Verdict {
  /** The last that was valid. */
  plan?: JobPlan | undefined;
  error?: unknown;
  /** Whether it is about what is typed now. */
  isCurrent: boolean;
}

/** How long somebody types before the server is asked. */
const PAUSE_MS = 250;

/** What the server says of a spec: asked when somebody pauses, and no longer when they go on. */
export function usePlan(spec: JobSpec): Signal<Verdict> {
  const verdict = useSignal<Verdict>({ isCurrent: false });
  useEffect(() => {
    const stop = new AbortController();
    verdict.value = { ...verdict.peek(), isCurrent: false };
    const timer = setTimeout(() => {
      descent.jobs.validate(spec, { signal: stop.signal }).then(
        (plan) => {
          verdict.value = { plan, isCurrent: true };
        },
        (error: unknown) => {
          if (!stop.signal.aborted) verdict.value = { plan: verdict.peek().plan, error, isCurrent: false };
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [JSON.stringify(spec)]);
  return verdict;
}

/** The server's words by the keys of fields, and what belongs to none of them. */
export function sortErrors(error: unknown, fields: readonly Pick<Field, 'key' | 'pointer'>[]) {
  const at = new Map<string, string[]>();
  if (!(error instanceof DescentError) || error.errors.length === 0) return { at, rest: error };
  const rest: string[] = [];
  for (const { pointer, detail } of error.errors) {
    const field = closest(pointer, fields);
    const text = [placeIn(pointer, field?.pointer), detail].filter(Boolean).join(' ');
    if (field === undefined) rest.push(text);
    else at.set(field.key, [...(at.get(field.key) ?? []), text]);
  }
  return { at, rest: rest.length === 0 ? undefined : rest.join(' ') };
}

/** The field that a pointer is in, the innermost; of a choice and what is chosen, the latter, which comes after it. */
const closest = <Each extends Pick<Field, 'pointer'>>(pointer: string, fields: readonly Each[]) =>
  fields
    .filter((field) => `${pointer}/`.startsWith(`${field.pointer}/`))
    .reduce<Each | undefined>(
      (best, field) => (best === undefined || field.pointer.length >= best.pointer.length ? field : best),
      undefined,
    );

/** Which of a list's or a map's values is meant, as people count them. */
function placeIn(pointer: string, field: string | undefined): string {
  const place = field === undefined ? pointer : pointer.slice(field.length + 1);
  return /^\d+$/.test(place) ? `Value ${Number(place) + 1}` : place;
}
