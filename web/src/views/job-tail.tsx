import type { Job } from '../../../src/client/descent.ts';
import { tailOf } from './job-name.ts';

/** What tells a job apart that nobody named, small. */
export function Tail({ job: { id, spec } }: { job: Job }) {
  return spec.name === null ? <small class="tail faint">{tailOf(id)}</small> : null;
}
