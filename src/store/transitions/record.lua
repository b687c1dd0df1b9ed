-- Shared by all transitions: names for KEYS and ARGV, the clock, the record, and functions that plan writes. Each
-- transition's script is this file, the transition's own file, then commit.lua.
--
-- Redis does not roll a script back. So a transition first reads and decides, and only plans its writes with the
-- functions below; commit.lua proves that all of them can be made, then makes them. A transition that fails has changed
-- nothing.
--
-- Lua only moves strings and counts here; it never reads or writes JSON (cjson keeps 14 digits and turns [] into {}).
--
-- The record: every field of the hash job:<id>. A field lives as long as the record unless the last column limits it.
--
-- | field            | what it holds                                             | set by                        | lives      |
-- |------------------|-----------------------------------------------------------|-------------------------------|------------|
-- | schema           | RECORD_SCHEMA of job-record.ts; 1 if missing              | create                        |            |
-- | owner            | who may see it                                            | create                        |            |
-- | spec             | JSON: what to train, every default filled in              | create, update                |            |
-- | data             | JSON: shape of the dataset at that time, with its SHA-256 | create                        |            |
-- | upload           | name of the dataset, if that was uploaded                  | create                        | until terminal |
-- | webhooks         | a line for each, see stored-webhooks.ts                   | create                        |            |
-- | messages         | number of the latest message to a webhook                 | create, all that append       |            |
-- | version          | version of Descent that accepted the job                  | create                        |            |
-- | parameters       | number of weights and biases of the model                 | create                        |            |
-- | estimate         | seconds that it was expected to take, if that was known   | create                        |            |
-- | trace            | trace id of the request that created it, if it sent one   | create                        | until terminal |
-- | created_at       | ms since the Unix epoch, like all times                   | create                        |            |
-- | place            | microseconds: its place in the queue, see PRIORITY_STEP   | create, resume, update        | until terminal |
-- | created_position | its queue position in the answer of create                | create                        | until packed |
-- | status           | see ARCHITECTURE.md                                       | all but epoch, progress       |            |
-- | seq              | seq of the newest event                                   | all that append               |            |
-- | event_at         | time of the newest event; later events are never earlier  | all that append               | until packed |
-- | revision         | counts the changes of the record                          | all that change a field       |            |
-- | changed_at       | time of the latest change                                 | all that change a field       |            |
-- | delivery         | number of the current one; a pause skips one              | create, requeue, resume, all that pause | until terminal |
-- | attempt          | number of the latest one                                  | start                         | until packed |
-- | attempts         | all attempts as text, see job-view.ts                     | start; requeue, finish end it |            |
-- | token            | the fence of the running attempt                          | start                         | until requeued or terminal |
-- | released_token   | the fence of the attempt that ended last                  | requeue, finish, start        | until packed |
-- | released_as      | the outcome then, returned to a repeat                    | requeue, finish, start        | until packed |
-- | faults           | infrastructure faults since the last new epoch            | start, requeue; epoch resets  | until terminal |
-- | reason           | why another attempt is needed                             | requeue, resume               | until terminal |
-- | pause_now        | yes: it pauses without the end of its epoch               | pause                         | while pausing |
-- | paused_at        | time of the pause                                         | pause, start, requeue         | while paused |
-- | paused_ms        | how long it was paused since its first start              | resume                        | until terminal |
-- | engine           | engine that runs it                                       | start                         |            |
-- | started_at       | time of the first start                                   | start                         |            |
-- | epoch            | the last appended epoch                                   | epoch                         | until packed |
-- | latest           | JSON: metrics of that epoch                               | epoch                         |            |
-- | parent           | JSON: what a fork began with                              | create                        |            |
-- | cached_from      | id of the job whose result it is                         | create                        |            |
-- | verifies         | JSON: the job that it trains again, and its hashes         | create                        |            |
-- | verification     | JSON: the latest verdict of a job that trained another again | finish, also of the other |            |
-- | result_key       | what decided its result, see training/result-key.ts        | create, finish                | until its result is in doubt |
-- | checkpoint       | JSON: the last two files, newest first; empty for none    | create (a fork's), epoch      | until terminal |
-- | checkpoint_epoch | epoch of the newest of them; 0 for none                   | create, epoch                 | until terminal |
-- | kept             | JSON: the checkpoints that stay after its end             | epoch, finish                 |            |
-- | progress         | JSON: how far the training is                             | create, epoch, progress       |            |
-- | progress_step    | the step in `progress`                                    | epoch, progress               | until terminal |
-- | progress_events  | number of progress events so far                          | progress                      | until terminal |
-- | finished_at      | time of the terminal event                                | all that end a job            |            |
-- | result           | JSON                                                      | finish                        |            |
-- | error            | JSON                                                      | finish, start, requeue        |            |
-- | evaluation       | JSON: the file's name and SHA-256                         | finish                        |            |
-- | model            | JSON: the file's name and SHA-256                         | finish                        |            |
-- | log              | JSON: the training log's file name and SHA-256               | epoch, finish                 |            |
-- | view             | PACKED_FIELDS of job-view.ts in one, which replaces them  | pack, update                  |            |

local JOB, EVENTS, QUEUED, LIVE, FINISHED, OUTBOX, TRASH, STATUSES, HELD, SHARE, LABELS = unpack(KEYS, 1, 11)

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

-- A clock that steps back must not let a job end before it began. The outbox uses the unadjusted clock.
if record.event_at and now < tonumber(record.event_at) then
  now = tonumber(record.event_at)
end

local owner = record.owner or given.owner or ''
-- Only the record knows the owner, so the caller cannot name this key. Same as queuedOf() in keys.ts.
local QUEUED_OF_OWNER = given.queued_of .. owner

local terminal = record.status == 'succeeded' or record.status == 'failed' or record.status == 'cancelled'

-- The third infrastructure fault in a row ends a job.
local MAX_FAULTS = 3

local function answer(outcome, ...)
  return { 'outcome', outcome, ... }
end

-- The planned writes: fields of the record, the events, commands in order, then signals to subscribers.
local changed, events, commands, signals = {}, {}, {}, {}

-- Whether the record is deleted and written again: a hash that loses fields keeps the memory that they took.
local is_rewritten = false

-- Whether the transition also runs while Redis's memory is full. True for those that end a job or lead to its end:
-- otherwise nobody could make room.
local runs_when_full = false

-- The types of the keys that only some transitions use, for commit.lua.
local more_types = { [QUEUED_OF_OWNER] = 'zset' }

-- Numbers become text as Redis formats them, never 1.7e+12.
local function text(value)
  return type(value) == 'number' and string.format('%.17g', value) or value
end

local function plan(...)
  local command = { ... }
  for i = 1, #command do
    command[i] = text(command[i])
  end
  commands[#commands + 1] = command
end

local function set(field, value)
  record[field] = text(value)
  changed[field] = true
end

local function unset(...)
  for _, field in ipairs({ ... }) do
    if record[field] then
      record[field] = nil
      changed[field] = true
    end
  end
end

local function count_up(field)
  set(field, record[field] + 1)
  return tonumber(record[field])
end

-- Events of all of an owner's jobs, for those who watch many.
local FEED_LENGTH = 10000

-- Of a job that starts again and again, so many are enough.
local MOST_MESSAGES = 100

local function lane_of(webhook, url)
  local host = string.match(url, '^%a+://([^/?]+)') or ''
  return given.id .. ':' .. webhook .. ':' .. host
end

-- Calls `run` with number, events and URL of each webhook.
local function each_webhook(run)
  local webhook = 0
  for events, url in string.gmatch(record.webhooks or '', '(%S+) (%S+)') do
    run(webhook, events, url)
    webhook = webhook + 1
  end
end

-- A message waits in the lane of its webhook until an API has sent it. The messages of a lane are sent one after the
-- other, so a lane that waits already keeps its time.
local function tell_webhooks(name)
  each_webhook(function(webhook, events, url)
    local is_told = string.find(',' .. events .. ',', ',' .. name .. ',', 1, true)
    if not is_told or (name == 'job.running' and tonumber(record.messages) >= MOST_MESSAGES) then
      return
    end
    more_types[given.messages], more_types[given.lanes] = 'hash', 'zset'
    plan('HSET', given.messages, count_up('messages'), name .. ' ' .. text(now) .. ' ' .. webhook .. ' pending '
      .. text(clock) .. ' 0 []')
    plan('ZADD', given.lanes, 'NX', clock, lane_of(webhook, url))
  end)
end

local function append_silently(name, data)
  local seq = count_up('seq')
  set('event_at', now)
  events[#events + 1] = { 'XADD', EVENTS, seq .. '-0', 'type', name, 'at', text(now), 'data', data }
  -- Same as feed() in keys.ts.
  local feed = given.feed_of .. record.owner
  more_types[feed] = 'stream'
  plan('XADD', feed, 'MAXLEN', '~', FEED_LENGTH, '*', 'job', given.id, 'seq', seq)
  return feed, text(seq)
end

-- Tells viewers and webhooks of it, too: for the last event of a transition, or each of a few.
local function append(name, data)
  local feed, seq = append_silently(name, data)
  signals[#signals + 1] = { 'PUBLISH', given.seq_channel, seq }
  signals[#signals + 1] = { 'PUBLISH', feed, seq }
  tell_webhooks(name)
end

-- Those that the caller gave as verdict_1, verdict_2, ...
local function append_verdicts()
  local n = 1
  while given['verdict_' .. n] do
    append('job.verdict', given['verdict_' .. n])
    n = n + 1
  end
end

-- Same as statusMember() in keys.ts.
local function status_member(status)
  return record.owner .. ':' .. status .. ':' .. given.id
end

-- What the job is found by, in the hash of its owner: text of FACT_SEPARATOR. Same order as FACTS in facts.ts; the labels
-- follow. A job of an older version has none until JobIndexer gives it some.
local FACT_SEPARATOR = '\31'
local ENGINE, LABELS_FROM = 4, 10
local SORTED = { test_accuracy = 7, val_loss = 8, duration_seconds = 9 }

local facts_text

-- Same as facts() in keys.ts.
local function facts_key()
  local key = given.facts_of .. record.owner
  more_types[key] = 'hash'
  return key
end

local function put_facts(value)
  facts_text = value
  plan('HSET', facts_key(), given.id, value)
end

-- As a list; nil if there are none.
local function facts_of()
  facts_text = facts_text or redis.call('HGET', facts_key(), given.id)
  if not facts_text then
    return nil
  end
  local facts = {}
  for fact in string.gmatch(facts_text .. FACT_SEPARATOR, '([^' .. FACT_SEPARATOR .. ']*)' .. FACT_SEPARATOR) do
    facts[#facts + 1] = fact
  end
  return facts
end

local function set_facts(values)
  local facts = facts_of()
  if facts then
    for place, value in pairs(values) do
      facts[place] = text(value)
    end
    put_facts(table.concat(facts, FACT_SEPARATOR))
  end
end

-- Plans the command for a job's entry among the results: ZADD or ZREM. Same as resultMember() in keys.ts.
local function index_result(command, of_owner, key, id)
  more_types[given.results] = 'zset'
  local member = of_owner .. ':' .. key .. ':' .. id
  if command == 'ZADD' then
    plan('ZADD', given.results, 0, member)
  else
    plan('ZREM', given.results, member)
  end
end

-- Plans the command for each index entry that follows from the facts and the result: ZADD or ZREM. Same as sorted(), labels and
-- labelMember() in keys.ts.
local function index(command)
  if record.result_key then
    index_result(command, record.owner, record.result_key, given.id)
  end
  local facts = facts_of() or {}
  for name, place in pairs(SORTED) do
    local key, value = given.sorted_of .. name .. ':' .. record.owner, facts[place] or ''
    if value ~= '' then
      more_types[key] = 'zset'
      if command == 'ZADD' then
        plan('ZADD', key, value, given.id)
      else
        plan('ZREM', key, given.id)
      end
    end
  end
  for place = LABELS_FROM, #facts do
    if facts[place] ~= '' then
      local member = record.owner .. ':' .. facts[place] .. FACT_SEPARATOR .. given.id
      if command == 'ZADD' then
        plan('ZADD', LABELS, 0, member)
      else
        plan('ZREM', LABELS, member)
      end
    end
  end
end

-- How many jobs of the owner have the status. ; sorts after :, so it ends a range of members.
local function count_of(status)
  local prefix = owner .. ':' .. status
  return redis.call('ZLEXCOUNT', STATUSES, '[' .. prefix .. ':', '(' .. prefix .. ';')
end

local function set_status(status)
  if record.status then
    plan('ZREM', STATUSES, status_member(record.status))
  end
  plan('ZADD', STATUSES, 0, status_member(status))
  set('status', status)
end

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

-- The key of an owner's uploaded dataset. Same as dataset() in keys.ts.
local function dataset_key(name)
  return given.dataset_of .. owner .. ':' .. name
end

-- A live job keeps its uploaded dataset from being dropped. ; sorts after :, so it ends a range of these members.
local function dataset_member(name, id)
  more_types[given.dataset_jobs] = 'zset'
  return owner .. ':' .. name .. ':' .. id
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

-- Attempts are separated by \30, their values by \n, as job-view.ts parses them.
local function open_attempt(...)
  local earlier = record.attempts and record.attempts .. '\30' or ''
  set('attempts', earlier .. table.concat({ ... }, '\n'))
end

local function close_attempt(outcome)
  if record.attempts then
    set('attempts', record.attempts .. '\n' .. text(now) .. '\n' .. outcome)
  end
end

-- Removes the fence and remembers the outcome, for a repeat of the same command.
local function release(outcome)
  unset('token')
  if given.token ~= '' then
    set('released_token', given.token)
    set('released_as', outcome)
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

-- Its files stay for the resume. Skips a delivery, so that every worker drops the one that BullMQ may still hand over.
local function pause()
  give_up_delivery()
  count_up('delivery')
  set_status('paused')
  set('paused_at', now)
  unset('pause_now')
  append('job.paused', '{}')
end

-- Since the first start, without the time that it was paused.
local function elapsed_ms()
  return now - record.started_at - (record.paused_ms or 0)
end

local function terminate(status, data)
  runs_when_full = true
  give_up_delivery()
  if record.upload then
    plan('ZREM', given.dataset_jobs, dataset_member(record.upload, given.id))
  end
  set_status(status)
  set('finished_at', now)
  unset('token', 'place', 'delivery', 'faults', 'reason', 'pause_now', 'paused_at', 'paused_ms', 'checkpoint',
    'checkpoint_epoch', 'progress_step', 'progress_events', 'trace', 'upload')
  plan('SREM', LIVE, given.id)
  plan('ZADD', FINISHED, now, given.id)
  append('job.' .. status, data)
end

local function fail(error)
  set('error', error)
  terminate('failed', '{"error":' .. error .. '}')
end

-- Adds an infrastructure fault; returns true when it ends the job.
local function count_fault()
  return count_up('faults') >= MAX_FAULTS
end

-- The fence: returns the answer of a transition that must not act, or nil when it may.
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
