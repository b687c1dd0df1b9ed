-- Shared by all transitions: names for KEYS and ARGV, the clock, the record, and functions that plan writes. Each
-- transition's script is this file, events.lua, finding.lua, queue.lua and attempts.lua, which all share too, the
-- transition's own file, then commit.lua.
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
-- | schema           | RECORD_SCHEMA of job-record.ts; 1 if missing              | create; start and update raise it |        |
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

-- The key of an owner's uploaded dataset. Same as dataset() in keys.ts.
local function dataset_key(name)
  return given.dataset_of .. owner .. ':' .. name
end

-- A live job keeps its uploaded dataset from being dropped. ; sorts after :, so it ends a range of these members.
local function dataset_member(name, id)
  more_types[given.dataset_jobs] = 'zset'
  return owner .. ':' .. name .. ':' .. id
end

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

-- Workers of an earlier version leave alone what this one has written to, since they could not read it.
local function raise_schema()
  if tonumber(record.schema or 1) < tonumber(given.schema) then
    set('schema', given.schema)
  end
end

local function count_up(field)
  set(field, record[field] + 1)
  return tonumber(record[field])
end
