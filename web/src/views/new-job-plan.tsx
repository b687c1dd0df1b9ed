import { Fragment } from 'preact';
import type { JobPlan } from '../../../src/client/types.ts';
import { bytes, seconds, whole } from '../parts/format.ts';

/** What the job would take. The last plan stays, fainter, while the next is on its way. */
export function Plan({ plan, isCurrent }: { plan: JobPlan | undefined; isCurrent: boolean }) {
  const facts: [string, string][] = [
    ['Trains for', lengthOf(plan)],
    ['Starts', startOf(plan)],
    ['Engine', plan?.engine ?? '–'],
    ['Memory', bytes(plan?.memory_bytes)],
    ['Model', bytes(plan?.model_bytes)],
    ['Parameters', whole(plan?.parameters)],
    ['Steps', whole(plan?.steps)],
  ];
  const reasons = [...new Set(Object.values(plan?.unknown ?? {}))];
  return (
    <section class="card plan" aria-label="Estimate">
      <h2>What it would take</h2>
      <dl class={`facts ${isCurrent ? '' : 'stale'}`} aria-live="polite">
        {facts.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      <p class="faint why">{reasons.join(' ')}</p>
    </section>
  );
}

function lengthOf(plan: JobPlan | undefined): string {
  if (plan?.cached_from != null) return 'not at all: an earlier job has the result';
  return plan?.estimated_seconds == null ? '–' : `about ${seconds(plan.estimated_seconds)}`;
}

function startOf(plan: JobPlan | undefined): string {
  if (plan === undefined) return '–';
  if (plan.cached_from !== null) return 'at once';
  const place = `place ${plan.queue_position} in the queue`;
  if (plan.starts_in_seconds === null) return place;
  return plan.starts_in_seconds < 1 ? 'at once' : `in about ${seconds(plan.starts_in_seconds)}, ${place}`;
}
