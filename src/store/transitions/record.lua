-- What every transition shares: KEYS and ARGV by name, the one clock, the record, and the few writes that transitions are
-- made of. It is put in front of each transition's own text. Lua moves strings and counts here; it never reads or
-- writes JSON (cjson keeps 14 digits and turns [] into {}).

local JOB, ATTEMPTS, EVENTS, QUEUED, LIVE, FINISHED, OUTBOX, TRASH = unpack(KEYS, 1, 8)

local given = {}
for i = 1, #ARGV, 2 do
  given[ARGV[i]] = ARGV[i + 1]
end

local time = redis.call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
local now = clock

local record = {}
local stored = redis.call('HGETALL', JOB)
for i = 1, #stored, 2 do
  record[stored[i]] = stored[i + 1]
end

-- A clock that steps back must not let a job end before it began. The outbox is read by the clock itself.
if record.event_at and now < tonumber(record.event_at) then
  now = tonumber(record.event_at)
end

local terminal = record.status == 'succeeded' or record.status == 'failed' or record.status == 'cancelled'

-- The third infrastructure fault in a row ends a job.
local MAX_FAULTS = 3

local function answer(outcome, ...)
  return { 'outcome', outcome, ... }
end

local function append(type, data)
  local seq = redis.call('HINCRBY', JOB, 'seq', 1)
  redis.call('XADD', EVENTS, seq .. '-0', 'type', type, 'at', now, 'data', data)
  redis.call('HSET', JOB, 'event_at', now)
  redis.call('PUBLISH', JOB .. ':seq', seq)
end

-- As in delivery.ts.
local function delivery_id(delivery)
  return given.id .. '-' .. delivery
end

-- Sets `queued` under a new delivery: BullMQ ignores an id that it still holds, so no id is used twice.
local function enqueue()
  local delivery = redis.call('HINCRBY', JOB, 'delivery', 1)
  redis.call('HSET', JOB, 'status', 'queued')
  redis.call('ZADD', QUEUED, record.place, given.id)
  redis.call('ZADD', OUTBOX, clock, delivery_id(delivery))
end

local function leave_queue()
  redis.call('ZREM', QUEUED, given.id)
  redis.call('ZREM', OUTBOX, delivery_id(record.delivery))
end

local function close_attempt(outcome)
  local line = redis.call('LINDEX', ATTEMPTS, -1)
  redis.call('LSET', ATTEMPTS, -1, line .. '\n' .. now .. '\n' .. outcome)
end

-- Takes the fence away and remembers what became of the job, for a repeat of the same command.
local function release(outcome)
  redis.call('HDEL', JOB, 'token')
  if given.token ~= '' then
    redis.call('HSET', JOB, 'released_token', given.token, 'released_as', outcome)
  end
end

local function terminate(status, data)
  redis.call('HSET', JOB, 'status', status, 'finished_at', now)
  redis.call('HDEL', JOB, 'token')
  leave_queue()
  redis.call('SREM', LIVE, given.id)
  redis.call('ZADD', FINISHED, now, given.id)
  append('job.' .. status, data)
end

local function fail(error)
  redis.call('HSET', JOB, 'error', error)
  terminate('failed', '{"error":' .. error .. '}')
end

-- Adds an infrastructure fault; true when it was the last one allowed.
local function count_fault()
  return redis.call('HINCRBY', JOB, 'faults', 1) >= MAX_FAULTS
end

-- The fence: what a transition of a running job answers instead of acting, or nil when the caller may go on.
local function fence()
  if not record.status then
    return answer('refused')
  end
  if record.released_token == given.token then
    return answer(record.released_as)
  end
  if terminal or record.token ~= given.token then
    return answer('refused')
  end
end
