-- Attempts, and how jobs pause and end.

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

-- The third infrastructure fault in a row ends a job.
local MAX_FAULTS = 3

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
