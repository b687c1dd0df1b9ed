import { z } from 'zod';
import { ProgressSchema } from '../contract/job.ts';
import type { Redis } from '../redis/connections.ts';
import { json } from './job-record.ts';
import type { Keys } from './keys.ts';
import { OWNERS_OF } from './owners.ts';
import { priorityOf } from './places.ts';
import { runScript, scriptOf } from './transition-runner.ts';

/** A job that waits or runs, as far as its time matters to others. */
export interface LiveJob {
  owner: string;
  priority: number;
  /** Whether it waits because its owner has as many in hand as he may have. */
  held: boolean;
  /** Seconds that it still takes; undefined when that is not known. */
  seconds: number | undefined;
}

export interface LiveJobs {
  running: LiveJob[];
  /** In the order of the queue. */
  queued: LiveJob[];
}

/** More would take Redis longer than 5 ms. */
export const MOST_LIVE = 1_000;

/**
 * KEYS: queued, held, statuses; ARGV: the beginning of the records' keys. Returns nil when too many are queued, else
 * the time, the held members, and one text for each queued and each running job, all at one moment.
 */
const READ = scriptOf(`${OWNERS_OF}
if redis.call('ZCARD', KEYS[1]) > ${MOST_LIVE} then
  return false
end
local function texts(ids)
  local found = {}
  for i, id in ipairs(ids) do
    local values = redis.call('HMGET', ARGV[1] .. id, 'owner', 'place', 'estimate', 'started_at', 'paused_ms', 'progress')
    for k = 1, 6 do
      values[k] = values[k] or ''
    end
    found[i] = id .. '\\0' .. table.concat(values, '\\0')
  end
  return found
end
local running = {}
for _, owner in ipairs(owners_of(KEYS[3])) do
  for _, status in ipairs({ 'running', 'pausing', 'cancelling' }) do
    local prefix = owner .. ':' .. status
    local members = redis.call('ZRANGEBYLEX', KEYS[3], '[' .. prefix .. ':', '(' .. prefix .. ';')
    for _, member in ipairs(members) do
      running[#running + 1] = string.sub(member, #prefix + 2)
    end
  end
end
local time = redis.call('TIME')
return {
  time[1] * 1000 + math.floor(time[2] / 1000),
  redis.call('ZRANGE', KEYS[2], 0, -1),
  texts(redis.call('ZRANGE', KEYS[1], 0, -1)),
  texts(running),
}
`);

const ProgressTextSchema = json(ProgressSchema);

const ReplySchema = z.tuple([z.number(), z.array(z.string()), z.array(z.string()), z.array(z.string())]);

/**
 * The jobs that wait or run; undefined when more than MOST_LIVE wait.
 * @throws {StoreUnavailableError}
 */
export async function readLiveJobs(redis: Redis, keys: Keys): Promise<LiveJobs | undefined> {
  const reply = await runScript(redis, READ, [keys.queued, keys.held, keys.statuses], [keys.job('')]);
  if (reply === null) return undefined;
  const [nowMs, heldMembers, queued, running] = ReplySchema.parse(reply);
  // <owner>:<place>:<job>-<delivery>
  const held = new Set(heldMembers.map((member) => /([^:]+)-\d+$/.exec(member)?.[1]));
  const parse = (text: string): LiveJob => {
    const [id, owner, place, estimate, startedAt, pausedMs, progress] = text.split('\0') as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return {
      owner,
      priority: place === '' ? 0 : priorityOf(Number(place), nowMs),
      held: held.has(id),
      seconds: secondsLeft({ estimate, startedAt, pausedMs, progress }, nowMs),
    };
  };
  return { running: running.map(parse), queued: queued.map(parse) };
}

/** What the trainer expects, else what was expected before the job started. */
function secondsLeft(
  {
    estimate,
    startedAt,
    pausedMs,
    progress,
  }: Record<'estimate' | 'startedAt' | 'pausedMs' | 'progress', string>,
  nowMs: number,
): number | undefined {
  // Another version may have written the record.
  const eta = ProgressTextSchema.safeParse(progress).data?.eta_seconds;
  if (eta != null) return eta;
  if (estimate === '') return undefined;
  const elapsed = startedAt === '' ? 0 : (nowMs - Number(startedAt) - Number(pausedMs)) / 1000;
  return Math.max(0, Number(estimate) - elapsed);
}
