-- The queue, and who may take from it: places, deliveries, and the share of each owner.

-- Same as deliveryIdOf() in delivery.ts.
local function delivery_id()
  return given.id .. '-' .. record.delivery
end

-- The queue is in the order of places. A place is the time of creation in microseconds, less this for each point of
-- priority: three years, longer than any job waits, and far from the limit of whole numbers. Same as in places.ts.
local PRIORITY_STEP = 1e14

-- A delivery goes to BullMQ, which serves all owners in one order. So that no owner takes every slot, each has at most
-- his running quota of deliveries released, that is: in the outbox, in BullMQ or running. The others are held, in the
-- order of their places. Whatever ends a released one releases the owner's next. Members have 16 digits of the place.
local function held_member()
  return string.format('%s:%016.0f:%s', owner, record.place, delivery_id())
end

-- Same as heldRange() in keys.ts.
local HELD_FROM, HELD_TO = '[' .. owner .. ':', '(' .. owner .. ';'

local function held_count()
  return redis.call('ZLEXCOUNT', HELD, HELD_FROM, HELD_TO)
end

-- At most so many are released by one transition; the reconciler releases the rest.
local MOST_RELEASES = 100

-- How many more deliveries of the owner may be released, not counting the planned writes. The running quota is `none`,
-- `slots` (of all workers together), `ahead` (as many again are at hand) or a number, which the slots limit too: what waits in BullMQ keeps others waiting.
local function room(quota)
  quota = quota or redis.call('HGET', SHARE, 'running_quota') or 'none'
  if quota == 'none' then
    return MOST_RELEASES
  end
  local slots = math.max(1, tonumber(redis.call('HGET', SHARE, 'slots') or 1))
  -- A job that no worker takes, of a later version for example, must not keep the others waiting.
  local most = quota == 'ahead' and 2 * slots or math.min(slots, tonumber(quota) or slots)
  local live = count_of('queued') + count_of('running') + count_of('pausing') + count_of('cancelling')
  return math.min(most - (live - held_count()), MOST_RELEASES)
end

-- The deliveries that the caller must enqueue, for commit.lua.
local released = {}

local function release_delivery(id)
  plan('ZADD', OUTBOX, clock, id)
  released[#released + 1] = id
end

-- Releases the owner's next held deliveries, except this job's, which may be on its way out.
local function release_next(count)
  if count < 1 then
    return
  end
  local own = record.place and held_member()
  for _, member in ipairs(redis.call('ZRANGE', HELD, HELD_FROM, HELD_TO, 'BYLEX', 'LIMIT', 0, count + 1)) do
    if member ~= own and #released < count then
      release_delivery(string.match(member, '[^:]+$'))
      plan('ZREM', HELD, member)
    end
  end
end

local function is_held()
  return record.place ~= nil and redis.call('ZSCORE', HELD, held_member()) ~= false
end

local function queue_up()
  if record.status ~= 'queued' then
    set_status('queued')
  end
  plan('ZADD', QUEUED, assert(tonumber(record.place)), given.id)
  plan('ZADD', QUEUED_OF_OWNER, assert(tonumber(record.place)), given.id)
end

-- Sets `queued` under a new delivery: BullMQ ignores an id that it still holds, so no id is used twice. A job that was
-- released stays so: it continues before all that are held.
local function enqueue()
  count_up('delivery')
  queue_up()
  plan('ZADD', OUTBOX, clock, delivery_id())
end

local function leave_queue()
  plan('ZREM', QUEUED, given.id)
  plan('ZREM', QUEUED_OF_OWNER, given.id)
  if is_held() then
    plan('ZREM', HELD, held_member())
  end
end

-- The job needs its delivery no more: the owner's next gets its slot.
local function give_up_delivery()
  if held_count() > 0 then
    local had_slot = record.status ~= 'paused' and not is_held()
    release_next(room() + (had_slot and 1 or 0))
  end
  leave_queue()
  plan('ZREM', OUTBOX, delivery_id())
end
