import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import { FACTS, type FactName, type SortedFact } from './facts.ts';
import { runScript, scriptOf } from './transition-runner.ts';

/** A job's place in a list: the value that it is sorted by, null if it has none, and its id. */
export interface Place {
  id: string;
  value: number | null;
}

/**
 * Walks an index between two bounds, in either direction, from a place on.
 * KEYS: the index, and the owner's facts. ARGV: 1 beginning of the keys of records, 2 `lex` or `score`, 3 and 4 the
 * bounds, 5 `asc` or `desc`, 6 and 7 score and member of the place after which to go on, 8 most jobs to return, 9 most to
 * look at, 10 the place of the fact to return of each job (0: none), then for each check: a place in the facts, or
 * `status`, `name` or `label`; how to compare; with what.
 * The bounds are ZLEXCOUNT's or ZCOUNT's: members before the first are not wanted, and members up to the second are.
 * Returns whether there is more, score and member of the last one looked at, then id and fact of each job found.
 */
const WALK = scriptOf(`
local index, facts_key, records, kind, down = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[5] == 'desc'
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

-- Returns a function of a job's status and facts. What can be done once is not done for each job.
local function check_of(what, how, value)
  if what == 'status' then
    return function(status)
      return string.find(value, ',' .. status .. ',', 1, true) ~= nil
    end
  elseif what == 'label' then
    local label = '\\31' .. value .. '\\31'
    return function(_, facts)
      return string.find(facts .. '\\31', label, 1, true) ~= nil
    end
  elseif what == 'name' then
    return function(_, facts)
      return string.sub(fact_at(facts, NAME), 1, #value) == value
    end
  end
  local place, bound = tonumber(what), tonumber(value)
  if how == 'is' then
    -- Most jobs of a long walk are told apart by this much faster look.
    local within = place > 1 and value ~= '' and '\\31' .. value .. '\\31' or ''
    return function(_, facts)
      return string.find(facts, within, 1, true) ~= nil and fact_at(facts, place) == value
    end
  end
  local compare = {
    gte = function(number) return number >= bound end,
    lte = function(number) return number <= bound end,
    gt = function(number) return number > bound end,
    lt = function(number) return number < bound end,
    eq = function(number) return number == bound end,
  }
  return function(_, facts)
    local number = tonumber(fact_at(facts, place))
    return number ~= nil and compare[how](number)
  end
end

local checks, needs_status = {}, false
for i = 11, #ARGV, 3 do
  checks[#checks + 1] = check_of(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  needs_status = needs_status or ARGV[i] == 'status'
end

local needs_facts = #checks > 0 or returned > 0
local found = { 0, '', '' }
local full = 3 + 2 * limit
local looked = 0

-- Returns whether to go on.
local function look_at(member, score, id, facts)
  if looked >= most or #found >= full then
    found[1] = 1
    return false
  end
  looked = looked + 1
  found[2], found[3] = score, member
  local status = needs_status and redis.call('HGET', records .. id, 'status') or ''
  for i = 1, #checks do
    if not checks[i](status, facts) then
      return true
    end
  end
  found[#found + 1] = id
  found[#found + 1] = returned > 0 and fact_at(facts, returned) or ''
  return true
end

local CHUNK = 200
while first <= last do
  local from = down and math.max(first, last - CHUNK + 1) or first
  local to = down and last or math.min(last, first + CHUNK - 1)
  local members = redis.call('ZRANGE', index, from, to, 'WITHSCORES')
  local count = #members / 2
  if count == 0 then
    return found
  end
  local ids = {}
  for i = 1, count do
    ids[i] = string.sub(members[2 * i - 1], -30)
  end
  -- All at once: a call for each job would take most of the time.
  local facts = needs_facts and redis.call('HMGET', facts_key, unpack(ids)) or {}
  for i = 1, count do
    local at = down and count - i + 1 or i
    if not look_at(members[2 * at - 1], members[2 * at], ids[at], facts[at] or '') then
      return found
    end
  end
  first, last = down and first or to + 1, down and from - 1 or last
end
return found
`);

/** A stretch of an index, its bounds as the script takes them. */
export interface Stretch {
  key: string;
  kind: 'lex' | 'score';
  from: string;
  to: string;
  /** Whether it is in the order of the ids. */
  byId: boolean;
  /** What a member is besides the id at its end. */
  prefix: string;
}

export type Check = [what: string, how: string, value: string];

export interface Walk {
  stretch: Stretch;
  checks: readonly Check[];
  descending: boolean;
  /** The fact that the places get their values from. */
  value?: SortedFact | undefined;
}

/** Jobs looked at in one call, which takes Redis some milliseconds. */
const MOST_LOOKED_AT = 1_000;

const WalkedSchema = z
  .tuple([z.number(), z.string(), z.string()])
  .rest(z.string())
  .transform(([more, score, member, ...found]) => ({ more: more === 1, score, member, found }));

/**
 * The first `limit` places that pass the checks, after a place.
 * @param records beginning of the keys of records
 * @param facts key of the facts of the index's owner
 * @throws {StoreUnavailableError}
 */
export async function walkIndex(
  redis: Redis,
  { records, facts }: { records: string; facts: string },
  { stretch, checks, descending, value }: Walk,
  limit: number,
  after?: Place,
): Promise<Place[]> {
  const places: Place[] = [];
  let [score, member] =
    after === undefined ? ['', ''] : [`${after.value ?? ''}`, `${stretch.prefix}${after.id}`];
  for (;;) {
    const { more, found, ...last } = WalkedSchema.parse(
      await runScript(
        redis,
        WALK,
        [stretch.key, facts],
        [
          records,
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

/** Lua counts from 1. */
export const placeOf = (fact: FactName): string => `${FACTS.indexOf(fact) + 1}`;
