import { Counter, Gauge, type Registry } from 'prom-client';
import type { WorkerReport } from '../contract/worker-report.ts';
import { REPORT_TTL_MS } from '../store/worker-reports.ts';
import { type ApiDeps, isStoreUnavailable } from './deps.ts';

export type InstallationDeps = Pick<ApiDeps, 'store' | 'workers' | 'jobCounts' | 'diskRoom' | 'webhooks'>;

/**
 * Metrics of the whole installation, read on each scrape: from counts in the store, the workers' reports and the disk.
 * While the store is unavailable, only `descent_store_up` and the disk are shown, since 0 would be a false figure.
 */
export class InstallationMetrics {
  readonly #deps: InstallationDeps;
  readonly #up: Gauge;
  readonly #writable: Gauge;
  readonly #jobs: Gauge<'status'>;
  readonly #oldest: Gauge;
  readonly #outbox: Gauge;
  readonly #webhooks: Gauge;
  readonly #memory: Gauge;
  readonly #diskFree: Gauge;
  readonly #diskTotal: Gauge;
  readonly #workers: WorkerMetrics;

  constructor(deps: InstallationDeps, registers: Registry[]) {
    this.#deps = deps;
    const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Gauge<Label>({ name, help, labelNames, registers });
    this.#up = gauge('descent_store_up', '1 when the job store answers.');
    this.#writable = gauge(
      'descent_store_writable',
      '1 when the job store takes writes; 0 when it is full, cannot save to its disk or is read-only.',
    );
    this.#jobs = gauge('descent_jobs', 'Jobs by status.', ['status']);
    this.#oldest = gauge(
      'descent_oldest_queued_job_age_seconds',
      'Time since the oldest queued job was created; 0 when none is queued.',
    );
    this.#outbox = gauge('descent_outbox_deliveries', 'Deliveries the queue may not have yet; normally 0.');
    this.#webhooks = gauge(
      'descent_webhooks_waiting',
      'Webhooks of jobs with messages that are not delivered yet.',
    );
    this.#memory = gauge('descent_store_memory_ratio', "Used share of Redis's maxmemory.");
    this.#diskFree = gauge('descent_disk_free_bytes', 'Free room on the disk of DATA_DIR.');
    this.#diskTotal = gauge('descent_disk_size_bytes', 'Size of the disk of DATA_DIR.');
    this.#workers = new WorkerMetrics(registers);
  }

  async update(): Promise<void> {
    await Promise.all([this.#readStore(), this.#readDisk()]);
  }

  async #readStore(): Promise<void> {
    const { store, workers, jobCounts, webhooks } = this.#deps;
    this.#jobs.reset();
    this.#workers.clear();
    for (const gauge of [this.#writable, this.#oldest, this.#outbox, this.#webhooks, this.#memory])
      gauge.remove();
    try {
      const [counts, memory, reports, writable, waiting] = await Promise.all([
        jobCounts.read(),
        store.memoryShare(),
        workers.list(),
        takesWrites(store),
        webhooks.waiting(),
      ]);
      this.#writable.set(writable ? 1 : 0);
      for (const [status, count] of Object.entries(counts.byStatus)) this.#jobs.set({ status }, count);
      this.#oldest.set(counts.oldestQueuedMs / 1000);
      this.#outbox.set(counts.outbox.count);
      this.#webhooks.set(waiting);
      if (memory !== undefined) this.#memory.set(memory);
      this.#workers.set(reports);
      this.#up.set(1);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      // Operators learn of the outage from the scrape, so it must not fail.
      this.#up.set(0);
    }
  }

  async #readDisk(): Promise<void> {
    const room = await this.#deps.diskRoom();
    this.#diskFree.remove();
    this.#diskTotal.remove();
    if (room === undefined) return;
    this.#diskFree.set(room.free);
    this.#diskTotal.set(room.total);
  }
}

/** @throws {StoreUnavailableError} unless Redis answers that it refuses a write. */
async function takesWrites(store: Pick<ApiDeps['store'], 'probe'>): Promise<boolean> {
  try {
    await store.probe();
    return true;
  } catch (error) {
    if (error instanceof Error && 'refusal' in error && error.refusal !== undefined) return false;
    throw error;
  }
}

/** The counters of a report that appear here under their own name, with the help text. */
const COUNTERS = {
  jobs_started: 'Starts of jobs, repeated ones included.',
  jobs_requeued: 'Jobs that went back to the queue, because of a fault or a drain.',
  trainers_crashed: 'Trainers that died during a job.',
  leases_lost: 'Jobs that a worker had to leave to another.',
} as const satisfies Partial<Record<keyof WorkerReport['counters'], string>>;

const ENDS = { jobs_succeeded: 'succeeded', jobs_failed: 'failed', jobs_cancelled: 'cancelled' } as const;

/** What the workers report. Their counters restart with them, under a new value of the label `worker`. */
class WorkerMetrics {
  readonly #gauges: Record<'workers' | 'able' | 'slots' | 'running', Gauge>;
  readonly #counters: ReadonlyMap<keyof typeof COUNTERS, Counter<'worker'>>;
  readonly #finished: Counter<'worker' | 'status'>;
  readonly #epochs: Counter<'worker' | 'engine'>;
  readonly #steps: Counter<'worker' | 'engine'>;

  constructor(registers: Registry[]) {
    const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
    const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
      new Counter<Label>({ name: `descent_worker_${name}_total`, help, labelNames, registers });
    this.#gauges = {
      workers: gauge('descent_workers', `Workers that reported in the last ${REPORT_TTL_MS / 1000} seconds.`),
      able: gauge('descent_workers_taking_jobs', 'Those of them that take jobs.'),
      slots: gauge('descent_worker_slots', 'Jobs that all workers can train at a time.'),
      running: gauge('descent_worker_jobs', 'Jobs in training, as the workers report them.'),
    };
    this.#counters = new Map(
      (Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]).map((key) => [
        key,
        counter(key, COUNTERS[key], ['worker']),
      ]),
    );
    this.#finished = counter('jobs_finished', 'Jobs that this worker ended.', ['worker', 'status']);
    this.#epochs = counter('epochs', 'Epochs trained, by engine.', ['worker', 'engine']);
    this.#steps = counter('steps', 'Optimizer steps trained, by engine.', ['worker', 'engine']);
  }

  clear(): void {
    for (const gauge of Object.values(this.#gauges)) gauge.remove();
    for (const counter of [...this.#counters.values(), this.#finished, this.#epochs, this.#steps])
      counter.reset();
  }

  set(reports: readonly WorkerReport[]): void {
    const { workers, able, slots, running } = this.#gauges;
    workers.set(reports.length);
    able.set(reports.filter(({ problem }) => problem === null).length);
    slots.set(sum(reports, ({ concurrency }) => concurrency));
    running.set(sum(reports, (report) => report.running.length));
    for (const { id: worker, counters, trained } of reports) {
      for (const [key, counter] of this.#counters) counter.inc({ worker }, counters[key]);
      for (const [key, status] of Object.entries(ENDS))
        this.#finished.inc({ worker, status }, counters[key as keyof typeof ENDS]);
      for (const { engine, epochs, steps } of trained) {
        this.#epochs.inc({ worker, engine }, epochs);
        this.#steps.inc({ worker, engine }, steps);
      }
    }
  }
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
