import type { JobStatus } from '../../../src/client/descent.ts';

const SIGNS: Record<JobStatus, string> = {
  queued: '○',
  running: '▶',
  pausing: '◐',
  paused: '‖',
  cancelling: '◐',
  succeeded: '✓',
  failed: '✕',
  cancelled: '–',
};

export function Status({ status }: { status: JobStatus }) {
  return (
    <span class={`status ${status}`} data-sign={SIGNS[status]}>
      {status}
    </span>
  );
}
