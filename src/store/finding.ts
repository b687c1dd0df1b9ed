import { z } from 'zod';
import type { JobStatus } from '../contract/job.ts';
import type { Redis } from '../redis/connections.ts';
import { type FactName, metadataLabel, nameLabel, SORTED_FACTS, type SortedFact } from './facts.ts';
import { type Check, type Place, placeOf, type Stretch, type Walk, walkIndex } from './index-walk.ts';
import { ID_SKEW_MS, startOfIds } from './job-ids.ts';
import { type Keys, labelMember, statusMember } from './keys.ts';
import { allAnswered } from './transition-runner.ts';

/**
 * Finds the ids of jobs. A question walks one index and looks at the facts of each job on the way. If an index of one of
 * its filters is short, that index is read whole and its jobs are sorted here; else the walk follows the order that was
 * asked for, until a page is full.
 */

export const NUMBER_FACTS = ['learning_rate', 'parameters', ...SORTED_FACTS] as const;
export type NumberFact = (typeof NUMBER_FACTS)[number];

export type Comparison = 'gte' | 'lte' | 'gt' | 'lt' | 'eq';

/** All must hold. */
export interface JobFilters {
  /** One of these. */
  statuses?: readonly JobStatus[] | undefined;
  /** Milliseconds since the Unix epoch: the first that counts, and the first that does not. */
  createdFrom?: number | undefined;
  createdBefore?: number | undefined;
  dataset?: string | undefined;
  optimizer?: string | undefined;
  engine?: string | undefined;
  /** How the name begins. */
  name?: string | undefined;
  metadata?: readonly (readonly [key: string, value: string])[];
  numbers?: readonly { fact: NumberFact; comparison: Comparison; value: number }[];
}

export interface Sort {
  by: 'created_at' | SortedFact;
  descending: boolean;
}

/** Jobs without the value come last, and those of one value in the order of their ids. */
export function comparePlaces({ descending }: Sort): (a: Place, b: Place) => number {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    if (a.value !== b.value) {
      if (a.value === null) return 1;
      if (b.value === null) return -1;
      return sign * (a.value - b.value);
    }
    return sign * (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  };
}

/** An index of at most so many jobs is read whole. */
const SHORT = 1_000;

/** Finds jobs of one owner. */
export class Finder {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * The places of the first jobs in the order of `sort` that come after a place and pass the filters.
   * @throws {StoreUnavailableError}
   */
  async find(
    owner: string,
    filters: JobFilters,
    sort: Sort,
    { after, limit }: { after?: Place | undefined; limit: number },
  ): Promise<Place[]> {
    const { statuses = [] } = filters;
    if (statuses.length > 1 && sort.by === 'created_at') {
      // The index has the jobs of each status in this order.
      const ofEach = statuses.map((status) => ({ ...filters, statuses: [status] }));
      const lists = await Promise.all(ofEach.map((one) => this.find(owner, one, sort, { after, limit })));
      return lists.flat().sort(comparePlaces(sort)).slice(0, limit);
    }
    const checks = checksOf(filters);
    const all = this.#byDate(owner, filters);
    const status = filters.statuses?.length === 1 ? this.#ofStatus(owner, filters) : [];
    const narrow = this.#narrow(owner, filters);
    const value = sort.by === 'created_at' ? undefined : sort.by;
    const candidates = [...status, ...narrow];
    const short = narrow.length > 0 || value !== undefined ? await this.#shortest(candidates) : undefined;
    if (short !== undefined && short.size <= SHORT) {
      const walk = { stretch: short.stretch, checks, descending: sort.descending, value };
      const places = await this.#walk(owner, walk, Number.POSITIVE_INFINITY);
      const compare = comparePlaces(sort);
      return places
        .filter((place) => after === undefined || compare(place, after) > 0)
        .sort(compare)
        .slice(0, limit);
    }
    const ordered = [...status, ...narrow.filter(({ byId }) => byId)];
    const byId =
      (ordered.length > 1 ? await this.#shortest(ordered) : undefined)?.stretch ?? ordered[0] ?? all;
    // A check of the only status is left out where the index says so: the plain lists then read no facts.
    const needed = byId === status[0] ? checks.filter(([what]) => what !== 'status') : checks;
    const inOrder = { stretch: byId, checks: needed, descending: sort.descending, value: undefined };
    if (value === undefined) return await this.#walk(owner, inOrder, limit, after);

    const numbers = (filters.numbers ?? []).filter(({ fact }) => fact === value);
    const places: Place[] = [];
    if (after === undefined || after.value !== null) {
      const stretch = this.#ofFact(owner, value, numbers);
      places.push(
        ...(await this.#walk(owner, { stretch, checks, descending: sort.descending, value }, limit, after)),
      );
    }
    if (places.length === limit || numbers.length > 0) return places;
    if (await this.#allHave(owner, value)) return places;
    const without: Check = [placeOf(value), 'is', ''];
    const rest = await this.#walk(
      owner,
      { ...inOrder, checks: [...checks, without] },
      limit - places.length,
      after?.value === null ? after : undefined,
    );
    return [...places, ...rest];
  }

  /** The indexes of the filters that have one and are usually short. */
  #narrow(owner: string, filters: JobFilters): Stretch[] {
    const { name, metadata = [], numbers = [] } = filters;
    const facts = new Set(numbers.map(({ fact }) => fact).filter(isSorted));
    return [
      ...(name === undefined ? [] : [this.#ofNames(owner, name)]),
      ...metadata.map(([key, value]) => this.#ofLabel(owner, metadataLabel(key, value), filters)),
      ...[...facts].map((fact) =>
        this.#ofFact(
          owner,
          fact,
          numbers.filter((number) => number.fact === fact),
        ),
      ),
    ];
  }

  #byDate(owner: string, filters: JobFilters): Stretch {
    return lexStretch(this.#keys.jobs(owner), '', filters);
  }

  #ofStatus(owner: string, filters: JobFilters): Stretch[] {
    const [status] = filters.statuses!;
    return [lexStretch(this.#keys.statuses, statusMember(owner, status!, ''), filters)];
  }

  #ofLabel(owner: string, label: string, filters: JobFilters): Stretch {
    return lexStretch(this.#keys.labels, labelMember(owner, label, ''), filters);
  }

  #ofNames(owner: string, beginning: string): Stretch {
    const prefix = `${owner}:${nameLabel(beginning)}`;
    // The last of all characters, which is none that a text would have.
    const to = `(${prefix}\u{10ffff}`;
    return { key: this.#keys.labels, kind: 'lex', from: `(${prefix}`, to, byId: false, prefix };
  }

  #ofFact(owner: string, fact: SortedFact, numbers: NonNullable<JobFilters['numbers']>): Stretch {
    let [from, to] = ['', ''];
    for (const { comparison, value } of numbers) {
      if (comparison === 'gte' || comparison === 'eq') from = `(${value}`;
      if (comparison === 'gt') from = `${value}`;
      if (comparison === 'lte' || comparison === 'eq') to = `${value}`;
      if (comparison === 'lt') to = `(${value}`;
    }
    return { key: this.#keys.sorted(fact, owner), kind: 'score', from, to, byId: false, prefix: '' };
  }

  /** Whether no job lacks the value: a walk through all of them would find none. */
  async #allHave(owner: string, fact: SortedFact): Promise<boolean> {
    const [jobs, withFact] = z
      .tuple([z.number(), z.number()])
      .parse(
        await allAnswered(() =>
          this.#redis.pipeline().zcard(this.#keys.jobs(owner)).zcard(this.#keys.sorted(fact, owner)).exec(),
        ),
      );
    return jobs === withFact;
  }

  async #walk(owner: string, walk: Walk, limit: number, after?: Place): Promise<Place[]> {
    const keys = { records: this.#keys.job(''), facts: this.#keys.facts(owner) };
    return await walkIndex(this.#redis, keys, walk, limit, after);
  }

  async #shortest(stretches: readonly Stretch[]): Promise<{ stretch: Stretch; size: number } | undefined> {
    if (stretches.length === 0) return undefined;
    const pipeline = this.#redis.pipeline();
    for (const { key, kind, from, to } of stretches) {
      if (kind === 'lex') pipeline.zlexcount(key, from.replace('(', '['), to === '' ? '+' : to);
      else pipeline.zcount(key, lowest(from), to === '' ? '+inf' : to);
    }
    const sizes = z.array(z.number()).parse(await allAnswered(() => pipeline.exec()));
    const size = Math.min(...sizes);
    return { stretch: stretches[sizes.indexOf(size)]!, size };
  }
}

/** The bound of ZCOUNT that begins where the script's ends: it counts what is before. */
const lowest = (from: string): string =>
  from === '' ? '-inf' : from.startsWith('(') ? from.slice(1) : `(${from}`;

const isSorted = (fact: NumberFact): fact is SortedFact => (SORTED_FACTS as readonly string[]).includes(fact);

/** The members with a prefix whose ids are as old as the filters want, or nearly: the facts tell the exact time. */
function lexStretch(key: string, prefix: string, { createdFrom, createdBefore }: JobFilters): Stretch {
  const first = createdFrom === undefined ? prefix : `${prefix}${startOfIds(createdFrom - ID_SKEW_MS)}`;
  // Every id begins with a letter, which sorts before ~.
  const end =
    createdBefore === undefined ? `${prefix}~` : `${prefix}${startOfIds(createdBefore + ID_SKEW_MS)}`;
  return { key, kind: 'lex', from: `(${first}`, to: `(${end}`, byId: true, prefix };
}

function checksOf(filters: JobFilters): Check[] {
  const { statuses, createdFrom, createdBefore, dataset, optimizer, engine, name } = filters;
  const checks: Check[] = [];
  if (statuses !== undefined) checks.push(['status', '', `,${statuses.join()},`]);
  if (createdFrom !== undefined) checks.push([placeOf('created_at'), 'gte', `${createdFrom}`]);
  if (createdBefore !== undefined) checks.push([placeOf('created_at'), 'lt', `${createdBefore}`]);
  for (const [fact, wanted] of Object.entries({ dataset, optimizer, engine })) {
    if (wanted !== undefined) checks.push([placeOf(fact as FactName), 'is', wanted]);
  }
  if (name !== undefined) checks.push(['name', '', nameLabel(name)]);
  for (const pair of filters.metadata ?? []) checks.push(['label', '', metadataLabel(...pair)]);
  for (const { fact, comparison, value } of filters.numbers ?? []) {
    checks.push([placeOf(fact), comparison, `${value}`]);
  }
  return checks;
}
