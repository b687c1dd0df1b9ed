import type { FastifyReply } from 'fastify';
import { isTerminal } from '../contract/job.ts';
import type { JobEvent } from '../contract/job-event.ts';
import type { StoredEvent } from '../store/job-events.ts';
import { FEED_START, type FeedPage } from '../store/job-feed.ts';
import { Recent } from '../store/recent.ts';
import type { Authentication } from './access/authentication.ts';
import type { Caller } from './access/caller.ts';
import { type ApiDeps, type ApiTiming, ignoreUnavailable } from './deps.ts';
import { isLast } from './event-streams.ts';
import type { LastingResponses } from './lasting-responses.ts';
import { LiveResponse } from './live-response.ts';

/** Live streams of the events of many jobs of one owner, in the order in which they happened. */

const PAGE = 100;
/** Entries that are looked at for an event that a viewer lacks. */
const LOOK_AHEAD = 1_000;
/** Jobs whose metadata a stream has read. */
const MOST_KNOWN = 10_000;

type Deps = Pick<ApiDeps, 'store' | 'events' | 'feed' | 'signals'> & {
  authentication: Pick<Authentication, 'isStillValid'>;
};

export interface FeedViewer {
  caller: Caller;
  /** Whose jobs. */
  owner: string;
  /** Only these; the stream ends when they have. */
  jobs: ReadonlySet<string> | undefined;
  /** Only jobs with these pairs. */
  metadata: readonly (readonly [key: string, value: string])[];
  /** The last id that the viewer has; undefined: what happens from now on. */
  cursor: string | undefined;
}

/** An event with its job. */
export interface FeedEvent {
  id: string;
  type: JobEvent['type'];
  /** JSON of FeedEventSchema. */
  text: string;
}

export class FeedStreams {
  readonly #deps: Deps;
  readonly #timing: ApiTiming;
  readonly #lasting: LastingResponses;

  constructor(deps: Deps, lasting: LastingResponses, timing: ApiTiming) {
    this.#deps = deps;
    this.#lasting = lasting;
    this.#timing = timing;
  }

  /** Takes over the reply and returns at once; the stream runs in the background. Ask whether it is admitted before. */
  start(reply: FastifyReply, viewer: FeedViewer): void {
    const how = { owner: viewer.caller.owner, lasting: this.#lasting, timing: this.#timing };
    LiveResponse.start(reply, how, async (live) => {
      const stopSignals = this.#deps.signals.subscribeToFeed(viewer.owner, () => live.bell.ring());
      await this.#follow(live, viewer).finally(stopSignals);
    });
  }

  /**
   * Whether no event will ever follow: the answer is then 204, which makes an EventSource stop.
   * @throws {StoreUnavailableError}
   */
  async isOver({ owner, jobs, cursor }: Pick<FeedViewer, 'owner' | 'jobs' | 'cursor'>): Promise<boolean> {
    if (jobs === undefined || !(await this.#haveEnded(owner, jobs))) return false;
    if (cursor === undefined) return true;
    const { entries, isLost } = await this.#deps.feed.read(owner, cursor, LOOK_AHEAD);
    return !isLost && entries.length < LOOK_AHEAD && entries.every(({ job }) => !jobs.has(job));
  }

  async #haveEnded(owner: string, jobs: ReadonlySet<string>): Promise<boolean> {
    const heads = await Promise.all([...jobs].map((id) => this.#deps.store.head(owner, id)));
    return heads.every((head) => head === undefined || isTerminal(head.status));
  }

  /**
   * The events of those entries that a viewer wants and that still have their job.
   * @param wanted what is known of jobs already.
   * @throws {StoreUnavailableError}
   */
  async read(
    { entries }: FeedPage,
    { owner, jobs, metadata }: Pick<FeedViewer, 'owner' | 'jobs' | 'metadata'>,
    wanted = new Recent<boolean>(MOST_KNOWN),
  ): Promise<FeedEvent[]> {
    const ofJobs = new Map<string, number[]>();
    for (const { job, seq } of entries) {
      if (jobs === undefined || jobs.has(job)) ofJobs.set(job, [...(ofJobs.get(job) ?? []), seq]);
    }
    // Each job is read once: the events of a packed one must all be unpacked for any of them.
    const found = new Map<string, StoredEvent>();
    await Promise.all(
      [...ofJobs].map(async ([job, seqs]) => {
        if (metadata.length > 0) {
          const known = wanted.get(job) ?? (await this.#deps.feed.hasMetadata(owner, job, metadata));
          wanted.add(job, known);
          if (!known) return;
        }
        const [first, last] = [Math.min(...seqs), Math.max(...seqs)];
        const events = await this.#deps.events.read(job, { after: first - 1, limit: last - first + 1 });
        for (const event of events) found.set(`${job} ${event.seq}`, event);
      }),
    );
    return entries.flatMap(({ id, job, seq }) => {
      const event = found.get(`${job} ${seq}`);
      if (event === undefined) return [];
      return [{ id, type: event.type, text: `{"id":"${id}","job":"${job}","event":${event.text}}` }];
    });
  }

  async #follow(live: LiveResponse, viewer: FeedViewer): Promise<void> {
    const wanted = new Recent<boolean>(MOST_KNOWN);
    const { owner, jobs } = viewer;
    let { cursor } = viewer;
    // Whether the jobs may have ended since they were last asked; whether they had before the feed was last read.
    let mayHaveEnded = jobs !== undefined;
    let haveEnded = false;
    while (live.isOpen) {
      // A key that is revoked or expires ends its streams, too.
      if (!(await this.#deps.authentication.isStillValid(viewer.caller))) return;
      const page = await this.#whenAvailable(() => this.#deps.feed.read(owner, cursor ?? FEED_START, PAGE));
      if (page !== undefined && cursor === undefined) {
        // Its id alone: a viewer that loses the connection before the first event resumes here.
        cursor = page.newest;
        await live.write(`id: ${cursor}\n\n`);
        continue;
      }
      if (page?.isLost) {
        cursor = page.newest;
        await live.write(`event: reset\nid: ${cursor}\ndata: {}\n\n`);
        continue;
      }
      if (page !== undefined && page.entries.length > 0) {
        const events = await this.#whenAvailable(() => this.read(page, viewer, wanted));
        if (events !== undefined) {
          cursor = page.entries.at(-1)!.id;
          if (events.length > 0) await live.write(events.map(render).join(''));
          mayHaveEnded ||= jobs !== undefined && events.some(isLast);
          continue;
        }
      } else if (page !== undefined && haveEnded) {
        return;
      } else if (page !== undefined && jobs !== undefined && mayHaveEnded) {
        mayHaveEnded = false;
        haveEnded = (await this.#whenAvailable(() => this.#haveEnded(owner, jobs))) ?? false;
        // What ended has its last event in the feed.
        if (haveEnded) continue;
      }
      if (!(await live.rang())) mayHaveEnded = jobs !== undefined;
    }
  }

  /** undefined when the store is unavailable: the stream stays open, as a refused viewer would not reconnect. */
  async #whenAvailable<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      return ignoreUnavailable(error);
    }
  }
}

const render = ({ id, type, text }: FeedEvent): string => `id: ${id}\nevent: ${type}\ndata: ${text}\n\n`;
