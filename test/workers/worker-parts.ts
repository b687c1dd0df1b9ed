import { onTestFinished } from 'vitest';
import { TrainingQueue } from '../../src/queue/training-queue.ts';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { JobTimings } from '../../src/store/job-timings.ts';
import { StepFeed } from '../../src/store/step-feed.ts';
import { newCounters, Trained } from '../../workers/counters.ts';
import { Runs } from '../../workers/run.ts';
import { TrainerPool } from '../../workers/trainer-process.ts';
import type { WorkerParts } from '../../workers/worker-parts.ts';
import type { OpenStore } from '../store/open-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const log = { info() {}, warn() {}, error() {} };

/** The parts of a worker that takes jobs, on the store and in a folder of the test. */
export async function partsOf({
  store,
  transitions,
  redis,
  keys,
}: OpenStore): Promise<WorkerParts & { queue: TrainingQueue }> {
  const folder = await makeTemporaryFolder();
  const queue = new TrainingQueue(redis, keys, log);
  onTestFinished(() => queue.close());
  return {
    id: 'host-b/2',
    store,
    transitions,
    timings: new JobTimings(redis, keys),
    steps: new StepFeed(redis, keys),
    queue,
    artifacts: FolderArtifacts.in(folder),
    dataDir: folder,
    storage: { look: async () => {} },
    trainers: new TrainerPool(log),
    runs: new Runs(),
    counters: newCounters(),
    trained: new Trained(),
    memoryMb: 1_000,
    oomKills: () => undefined,
    leaseMs: 15_000,
    log,
    engineFor: () => ({ name: 'reference', available: true, version: null, backend: null, reason: null }),
    onUnable: () => {},
    takesJobs: () => true,
  };
}
