import { monotonicMs } from '../src/process/clock.ts';
import type { Artifacts } from '../src/store/artifacts.ts';
import {
  type CheckpointFile,
  type JobRecord,
  NewerRecordError,
  UnreadableRecordError,
} from '../src/store/job-record.ts';
import type { Start } from '../src/store/job-transitions.ts';
import { persist } from './persist.ts';
import type { Run } from './run.ts';
import { type End, LOST, thirdFault } from './run-end.ts';
import type { WorkerParts } from './worker-parts.ts';

/** How a run begins: read the record and its checkpoints, then take the job with the start transition. */

export interface Started {
  type: 'started';
  /** The record as of this start, with its attempt and only the checkpoints to start from. */
  record: JobRecord;
  /** Time since the job's first start. */
  elapsedMs: number;
}

/**
 * Writes the start into the record, or returns why there is nothing to run.
 * @throws {UnreadableRecordError} once the job is ours, so that it can fail with this error.
 */
export async function start(run: Run, worker: WorkerParts): Promise<Started | End> {
  for (;;) {
    const record = await persist(() => worker.store.record(run.id)).catch((error: unknown) => {
      if (error instanceof UnreadableRecordError) return error;
      throw error;
    });
    if (record === undefined) return { type: 'stale' };
    if (record instanceof NewerRecordError) return { type: 'newer' };
    if (run.interruption === 'lease_lost') return { type: 'not ours' };
    const { engine, read, checkpoints } = startPointOf(record);
    const intact = await fromNewestIntact(run.id, checkpoints, worker.artifacts);
    const answer = await persist(() =>
      worker.transitions.start(run.id, {
        delivery: run.delivery,
        token: run.token,
        worker: worker.id,
        engine: worker.engineFor(engine).name,
        read,
        fromEpoch: intact[0]?.epoch ?? 0,
        lostReason: LOST,
        lostError: thirdFault('worker_lost', LOST),
      }),
    );
    switch (answer.outcome) {
      case 'moved':
        continue;
      case 'started': {
        run.started = true;
        run.startedMs = monotonicMs();
        if (record instanceof UnreadableRecordError) throw record;
        const attempt = record.attempt + 1;
        worker.counters.jobs_started++;
        run.origin = { owner: record.owner, ...(record.trace !== undefined && { trace_id: record.trace }) };
        worker.log.info({ ...run.about, attempt }, 'job started');
        return {
          type: 'started',
          record: { ...record, attempt, checkpoint: intact },
          elapsedMs: answer.elapsedMs,
        };
      }
      default:
        return { type: 'over', outcome: answer.outcome };
    }
  }
}

interface StartPoint {
  engine: JobRecord['spec']['engine'];
  read: Start['read'];
  checkpoints: CheckpointFile[];
}

function startPointOf(record: JobRecord | UnreadableRecordError): StartPoint {
  if (record instanceof UnreadableRecordError) return { engine: 'auto', read: record.read, checkpoints: [] };
  const { attempt, checkpoint, spec } = record;
  const read = { attempt, checkpointEpoch: checkpoint[0]?.epoch ?? 0 };
  return { engine: spec.engine, read, checkpoints: checkpoint };
}

/** Drops the damaged checkpoints before the newest intact one, so that none is kept in place of a good one. */
async function fromNewestIntact(
  id: string,
  checkpoints: CheckpointFile[],
  artifacts: Artifacts,
): Promise<CheckpointFile[]> {
  for (const [i, checkpoint] of checkpoints.entries()) {
    if ((await artifacts.read(id, checkpoint)) !== undefined) return checkpoints.slice(i);
  }
  return [];
}
