-- start: queued -> running; running (delivered again: its worker is lost) -> running, or failed at the third fault;
-- pausing -> paused; cancelling -> cancelled. The token given here is the fence of all later transitions of this attempt.
-- Answers: started {elapsed_ms}, moved (the record has changed since the caller read it: read again), failed,
-- paused, cancelled, dropped (nothing to do for this delivery). A repeat gets what the attempt came to: the above, or
-- succeeded or queued.
if not record.status then
  return answer('dropped')
end

local function started()
  return answer('started', 'elapsed_ms', elapsed_ms())
end

if record.token == given.token then
  return started()
end
if record.released_token == given.token then
  return answer(record.released_as)
end
if terminal or record.status == 'paused' or record.delivery ~= given.delivery then
  return answer('dropped')
end
if record.attempt ~= given.attempt or record.checkpoint_epoch ~= given.checkpoint_epoch then
  return answer('moved')
end

local reason = record.reason or ''
if record.status ~= 'queued' then
  close_attempt('worker_lost')
  reason = given.lost_reason
end
if record.status == 'cancelling' then
  terminate('cancelled', '{}')
  release('cancelled')
  return answer('cancelled')
end
local is_last_fault = record.status ~= 'queued' and count_fault()
if record.status == 'pausing' then
  pause()
  release('paused')
  return answer('paused')
end
if is_last_fault then
  fail(given.error)
  release('failed')
  return answer('failed')
end

leave_queue()
count_up('attempt')
if record.status ~= 'running' then
  set_status('running')
end
set('token', given.token)
raise_schema()
set('engine', given.engine)
set_facts({ [ENGINE] = given.engine })
if not record.started_at then
  set('started_at', now)
end
open_attempt(record.attempt, given.worker, given.from_epoch, reason, text(now))
append('job.running', given.event)
return started()
