import { z } from 'zod';
import type { JobStatus } from '../contract/job.ts';
import type { Redis } from '../redis/connections.ts';
import { FACTS, type FactName, metadataLabel, nameLabel, SORTED_FACTS, type SortedFact } from './facts.ts';
import { ID_SKEW_MS, startOfIds } from './job-ids.ts';
import { type Keys, labelMember, statusMember } from './keys.ts';
import { allAnswered, runScript, scriptOf } from './transition-runner.ts';

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

/** A job's place in a list: the value that it is sorted by, null if it has none, and its id. */
export interface Place {
  id: string;
  value: number | null;
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

/**
 * Walks an index between two bounds, in either direction, from a place on.
 * KEYS: the index. ARGV: 1 beginning of the keys of records, 2 `lex` or `score`, 3 and 4 the bounds, 5 `asc` or `desc`,
 * 6 and 7 score and member of the place after which to go on, 8 most jobs to return, 9 most to look at, 10 the place of
 * the fact to return of each job (0: none), then for each check: a place in the facts, or `status`, `name` or `label`;
 * how to compare; with what.
 * The bounds are ZLEXCOUNT's or ZCOUNT's: members before the first are not wanted, and members up to the second are.
 * Returns whether there is more, score and member of the last one looked at, then id and fact of each job found.
 */
const WALK = scriptOf(`
local index, records, kind, down = KEYS[1], ARGV[1], ARGV[2], ARGV[5] == 'desc'
local after, limit, most, returned = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local NAME = ${FACTS.length + 1}

local function before(bound)
  if kind == 'lex' then
    return redis.call('ZLEXCOUNT', index, '-', bound)
  end
  return redis.call('ZCOUNT', index, '-inf', bound)
end

-- How many members are before this one in the order of the index, and whether it is there.
local function rank_of(score, member)
  if kind == 'lex' then
    local below = before('(' .. member)
    return below, before('[' .. member) > below
  end
  local low, high = before('(' .. score), before(score)
  local last = high
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', index, middle, middle)[1] < member then
      low = middle + 1
    else
      high = middle
    end
  end
  return low, low < last and redis.call('ZRANGE', index, low, low)[1] == member
end

local first = ARGV[3] == '' and 0 or before(ARGV[3])
local last = (ARGV[4] == '' and redis.call('ZCARD', index) or before(ARGV[4])) - 1
if after ~= '' then
  local rank, is_there = rank_of(ARGV[6], after)
  if down then
    last = math.min(last, rank - 1)
  else
    first = math.max(first, rank + (is_there and 1 or 0))
  end
end

-- Matches the fact at a place. Facts are not split: a job takes microseconds this way, and there may be many.
local patterns = {}
local function fact_at(facts, place)
  local pattern = patterns[place]
  if not pattern then
    pattern = '^' .. string.rep('[^\\31]*\\31', place - 1) .. '([^\\31]*)'
    patterns[place] = pattern
  end
  return string.match(facts, pattern) or ''
end

local function holds(status, facts, what, how, value)
  if what == 'status' then
    return string.find(value, ',' .. status .. ',', 1, true) ~= nil
  elseif what == 'label' then
    return string.find(facts .. '\\31', '\\31' .. value .. '\\31', 1, true) ~= nil
  elseif what == 'name' then
    return string.sub(fact_at(facts, NAME), 1, #value) == value
  end
  local fact = fact_at(facts, tonumber(what))
  if how == 'is' then
    return fact == value
  end
  local number, bound = tonumber(fact), tonumber(value)
  if not number then
    return false
  end
  return how == 'gte' and number >= bound or how == 'lte' and number <= bound or how == 'gt' and number > bound
    or how == 'lt' and number < bound or how == 'eq' and number == bound
end

local found = { 0, '', '' }
local looked = 0

-- Returns whether to go on.
local function look_at(member, score)
  if (#found - 3) / 2 >= limit or looked >= most then
    found[1] = 1
    return false
  end
  looked = looked + 1
  found[2], found[3] = score, member
  local id, fact = string.sub(member, -30), ''
  if #ARGV > 10 or returned > 0 then
    local state = redis.call('HMGET', records .. id, 'status', 'facts')
    if not state[1] then
      return true
    end
    local facts = state[2] or ''
    for i = 11, #ARGV, 3 do
      if not holds(state[1], facts, ARGV[i], ARGV[i + 1], ARGV[i + 2]) then
        return true
      end
    end
    fact = returned > 0 and fact_at(facts, returned) or ''
  end
  found[#found + 1] = id
  found[#found + 1] = fact
  return true
end

local CHUNK = 200
while first <= last do
  local from = down and math.max(first, last - CHUNK + 1) or first
  local to = down and last or math.min(last, first + CHUNK - 1)
  local members = redis.call('ZRANGE', index, from, to, 'WITHSCORES')
  local count = #members / 2
  for i = 1, count do
    local at = 2 * (down and count - i + 1 or i)
    if not look_at(members[at - 1], members[at]) then
      return found
    end
  end
  if count == 0 then
    return found
  end
  first, last = down and first or to + 1, down and from - 1 or last
end
return found
`);

/** A stretch of an index, its bounds as the script takes them. */
interface Stretch {
  key: string;
  kind: 'lex' | 'score';
  from: string;
  to: string;
  /** Whether it is in the order of the ids. */
  byId: boolean;
  /** What a member is besides the id at its end. */
  prefix: string;
}

type Check = [what: string, how: string, value: string];

interface Walk {
  stretch: Stretch;
  checks: readonly Check[];
  descending: boolean;
  /** The fact that the places get their values from. */
  value?: SortedFact | undefined;
}

/** An index of at most so many jobs is read whole. */
const SHORT = 1_000;
/** Jobs looked at in one call, which takes Redis some milliseconds. */
const MOST_LOOKED_AT = 1_000;

const WalkedSchema = z
  .tuple([z.number(), z.string(), z.string()])
  .rest(z.string())
  .transform(([more, score, member, ...found]) => ({ more: more === 1, score, member, found }));

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
    const checks = checksOf(filters);
    const all = this.#byDate(owner, filters);
    const status = filters.statuses?.length === 1 ? this.#ofStatus(owner, filters) : [];
    const narrow = this.#narrow(owner, filters);
    const value = sort.by === 'created_at' ? undefined : sort.by;
    const candidates = [...status, ...narrow];
    const short = narrow.length > 0 || value !== undefined ? await this.#shortest(candidates) : undefined;
    if (short !== undefined && short.size <= SHORT) {
      const walk = { stretch: short.stretch, checks, descending: sort.descending, value };
      const places = await this.#walk(walk, Number.POSITIVE_INFINITY);
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
    if (value === undefined) return await this.#walk(inOrder, limit, after);

    const numbers = (filters.numbers ?? []).filter(({ fact }) => fact === value);
    const places: Place[] = [];
    if (after === undefined || after.value !== null) {
      const stretch = this.#ofFact(owner, value, numbers);
      places.push(
        ...(await this.#walk({ stretch, checks, descending: sort.descending, value }, limit, after)),
      );
    }
    if (places.length === limit || numbers.length > 0) return places;
    const without: Check = [placeOf(value), 'is', ''];
    const rest = await this.#walk(
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

  async #walk({ stretch, checks, descending, value }: Walk, limit: number, after?: Place): Promise<Place[]> {
    const places: Place[] = [];
    let [score, member] =
      after === undefined ? ['', ''] : [`${after.value ?? ''}`, `${stretch.prefix}${after.id}`];
    for (;;) {
      const { more, found, ...last } = WalkedSchema.parse(
        await runScript(
          this.#redis,
          WALK,
          [stretch.key],
          [
            this.#keys.job(''),
            stretch.kind,
            stretch.from,
            stretch.to,
            descending ? 'desc' : 'asc',
            score,
            member,
            Math.min(limit - places.length, MOST_LOOKED_AT),
            MOST_LOOKED_AT,
            value === undefined ? 0 : placeOf(value),
            ...checks.flat(),
          ],
        ),
      );
      for (let i = 0; i < found.length; i += 2) {
        places.push({ id: found[i]!, value: found[i + 1] === '' ? null : Number(found[i + 1]) });
      }
      if (!more || places.length >= limit) return places;
      [score, member] = [last.score, last.member];
    }
  }
}

/** The bound of ZCOUNT that begins where the script's ends: it counts what is before. */
const lowest = (from: string): string =>
  from === '' ? '-inf' : from.startsWith('(') ? from.slice(1) : `(${from}`;

const isSorted = (fact: NumberFact): fact is SortedFact => (SORTED_FACTS as readonly string[]).includes(fact);

/** Lua counts from 1. */
const placeOf = (fact: FactName): string => `${FACTS.indexOf(fact) + 1}`;

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
