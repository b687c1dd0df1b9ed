-- requeue: running -> queued (drain, trainer crashed, lease lost), or failed at the third fault; pausing -> paused;
-- cancelling -> cancelled. Without a token it gives back a delivery that the caller never started: queued -> queued
-- under a new delivery; running (delivered again, so its worker is lost unless `lost` is no) -> queued, or failed.
-- Answers: queued {delivery}, paused, failed, cancelled, dropped, refused.
runs_when_full = true
if given.token == '' then
  if not record.status or terminal or record.status == 'paused' or record.delivery ~= given.delivery then
    return answer('dropped')
  end
  if record.status == 'queued' then
    leave_queue()
    plan('ZREM', OUTBOX, delivery_id())
    enqueue()
    return answer('queued', 'delivery', record.delivery)
  end
  if given.lost == 'no' then
    return answer('dropped')
  end
else
  local refused = fence()
  if refused then
    return refused
  end
end

close_attempt(given.outcome)
if record.status == 'cancelling' then
  terminate('cancelled', '{}')
  release('cancelled')
  return answer('cancelled')
end
local is_last_fault = given.fault == 'yes' and count_fault()
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
enqueue()
set('reason', given.reason)
append('job.queued', given.event)
release('queued')
return answer('queued', 'delivery', record.delivery)
