import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkerReport } from '../contract/worker-report.ts';
import { REPORT_TTL_MS } from '../store/worker-reports.ts';
import { type ApiDeps, isStoreUnavailable } from './deps.ts';
import type { EventStreams } from './event-streams.ts';

/** Metrics for Prometheus: of this process, and of the whole installation as recorded in the store. */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #durations: Histogram<'method' | 'route' | 'status'>;
  readonly #streams: Counter<'route'>;
  readonly #store: StoreGauges;

  constructor(deps: Pick<ApiDeps, 'store' | 'workers' | 'version'>, streams: EventStreams) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'descent_info',
      help: 'Always 1; the label is the running version.',
      labelNames: ['version'],
      registers,
    }).set({ version: deps.version }, 1);
    this.#durations = new Histogram({
      name: 'descent_http_request_duration_seconds',
      help: 'Time to answer a request, not counting event streams.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
    this.#streams = new Counter({
      name: 'descent_event_streams_total',
      help: 'Event streams that have ended.',
      labelNames: ['route'],
      registers,
    });
    new Gauge({
      name: 'descent_event_stream_viewers',
      help: 'Event streams open now.',
      registers,
      collect() {
        this.set(streams.size);
      },
    });
    this.#store = new StoreGauges(deps, registers);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    await this.#store.update();
    return await this.#registry.metrics();
  }

  /** An onResponse hook. Routes are labelled by pattern: a label per job would grow without bound. */
  observe = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    const isStream = String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream');
    if (isStream && request.method === 'GET') {
      this.#streams.inc({ route });
    } else {
      const labels = { method: labelOf(request.method), route, status: String(reply.statusCode) };
      this.#durations.observe(labels, reply.elapsedTime / 1000);
    }
  };
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const labelOf = (method: string): string => (METHODS.includes(method) ? method : 'other');

type WorkerCounter = keyof WorkerReport['counters'];

/** Gauges read from the store on each scrape; while the store is unavailable, only descent_store_up is exposed. */
class StoreGauges {
  readonly #deps: Pick<ApiDeps, 'store' | 'workers'>;
  readonly #up: Gauge;
  readonly #writable: Gauge;
  readonly #jobs: Gauge<'state'>;
  readonly #outbox: Gauge;
  readonly #memory: Gauge;
  readonly #workers: Gauge;
  readonly #slots: Gauge;
  readonly #running: Gauge;
  readonly #counters: Gauge<'worker' | 'counter'>;

  constructor(deps: Pick<ApiDeps, 'store' | 'workers'>, registers: Registry[]) {
    this.#deps = deps;
    const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Gauge<Label>({ name, help, labelNames, registers });
    this.#up = gauge('descent_store_up', '1 when the job store answers.');
    this.#writable = gauge(
      'descent_store_writable',
      '1 when the job store takes writes; 0 when it is full, cannot save to its disk or is read-only.',
    );
    this.#jobs = gauge('descent_jobs', 'Jobs by state.', ['state']);
    this.#outbox = gauge('descent_outbox_deliveries', 'Deliveries the queue may not have yet; normally 0.');
    this.#memory = gauge('descent_store_memory_ratio', "Used share of Redis's maxmemory.");
    this.#workers = gauge(
      'descent_workers',
      `Workers that reported in the last ${REPORT_TTL_MS / 1000} seconds.`,
    );
    this.#slots = gauge('descent_worker_slots', 'Jobs that all workers can train at a time.');
    this.#running = gauge('descent_worker_jobs', 'Jobs in training, as the workers report them.');
    this.#counters = gauge('descent_worker_counter', "A worker's own counters, since it started.", [
      'worker',
      'counter',
    ]);
  }

  async update(): Promise<void> {
    this.#jobs.reset();
    this.#counters.reset();
    // Removed, not reset: 0 would be a false figure while the store is unavailable.
    for (const gauge of [
      this.#writable,
      this.#outbox,
      this.#memory,
      this.#workers,
      this.#slots,
      this.#running,
    ])
      gauge.remove();
    try {
      await this.#read();
      this.#up.set(1);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      // Operators learn of the outage from the scrape, so it must not fail.
      this.#up.set(0);
    }
  }

  async #read(): Promise<void> {
    const { store, workers } = this.#deps;
    const [counts, memory, reports, writable] = await Promise.all([
      store.counts(),
      store.memoryShare(),
      workers.list(),
      takesWrites(store),
    ]);
    this.#writable.set(writable ? 1 : 0);
    this.#jobs.set({ state: 'queued' }, counts.queued);
    this.#jobs.set({ state: 'live' }, counts.live);
    this.#jobs.set({ state: 'finished' }, counts.finished);
    this.#outbox.set(counts.outbox);
    if (memory !== undefined) this.#memory.set(memory);
    this.#workers.set(reports.length);
    for (const report of reports) {
      this.#slots.inc(report.concurrency);
      this.#running.inc(report.running.length);
      for (const [counter, value] of Object.entries(report.counters) as [WorkerCounter, number][]) {
        this.#counters.set({ worker: report.id, counter }, value);
      }
    }
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
