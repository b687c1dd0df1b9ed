import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ApiDeps } from './deps.ts';
import { type InstallationDeps, InstallationMetrics } from './installation-metrics.ts';
import type { LastingResponses } from './lasting-responses.ts';

/**
 * Metrics for Prometheus: of this process, and of the whole installation as recorded in the store.
 * docs/operations.md explains each; test/api/metrics.test.ts compares the two.
 */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #durations: Histogram<'method' | 'route' | 'status'>;
  readonly #streams: Counter<'route'>;
  readonly #lasting: LastingResponses;
  readonly #installation: InstallationMetrics;

  constructor(
    deps: InstallationDeps & Pick<ApiDeps, 'version' | 'webhookOutcomes'>,
    lasting: LastingResponses,
  ) {
    this.#lasting = lasting;
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
      help: 'Time to answer a request, not counting event streams and requests that wait for a job.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    });
    this.#streams = new Counter({
      name: 'descent_event_streams_ended_total',
      help: 'Event streams and waiting requests that have ended.',
      labelNames: ['route'],
      registers,
    });
    new Gauge({
      name: 'descent_event_streams',
      help: 'Event streams and waiting requests open now.',
      registers,
      collect() {
        this.set(lasting.size);
      },
    });
    const { webhookOutcomes } = deps;
    if (webhookOutcomes !== undefined) {
      new Counter({
        name: 'descent_webhook_attempts_total',
        help: 'Attempts to deliver a message to a webhook: delivered, retried (to be tried again) or failed (given up).',
        labelNames: ['outcome'],
        registers,
        collect() {
          this.reset();
          for (const [outcome, count] of Object.entries(webhookOutcomes)) this.inc({ outcome }, count);
        },
      });
    }
    this.#installation = new InstallationMetrics(deps, registers);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    await this.#installation.update();
    return await this.#registry.metrics();
  }

  /** An onResponse hook. Routes are labelled by pattern: a label per job would grow without bound. */
  observe = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const route = request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown');
    if (this.#lasting.has(reply.raw)) {
      this.#streams.inc({ route });
    } else {
      this.#count(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    }
  };

  /** A request that was refused before anybody looked at its path. */
  observeUnread = (method: string, status: number, seconds: number): void =>
    this.#count(method, 'unknown', status, seconds);

  #count(method: string, route: string, status: number, seconds: number): void {
    this.#durations.observe({ method: labelOf(method), route, status: String(status) }, seconds);
  }
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const labelOf = (method: string): string => (METHODS.includes(method) ? method : 'other');
