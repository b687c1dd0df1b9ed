-- cancel: queued, paused -> cancelled; running, pausing -> cancelling, with a signal to its worker; cancelling,
-- cancelled: no change.
-- Answers: cancelled (it is, or will be), finished {status}, not_found.
-- An empty owner stands for all.
if not record.status or (given.owner ~= '' and record.owner ~= given.owner) then
  return answer('not_found')
end
if record.status == 'succeeded' or record.status == 'failed' then
  return answer('finished', 'status', record.status)
end
if record.status == 'queued' then
  terminate('cancelled', '{}')
elseif record.status == 'paused' then
  local next_delivery = given.id .. '-' .. text(record.delivery + 1)
  terminate('cancelled', '{}')
  -- No worker has it; the one that gets this delivery finds it ended and removes what it does not keep.
  if tonumber(record.attempt) > 0 then
    release_delivery(next_delivery)
  end
elseif record.status == 'running' or record.status == 'pausing' then
  runs_when_full = true
  unset('pause_now')
  set_status('cancelling')
  append('job.cancelling', '{}')
  signals[#signals + 1] = { 'PUBLISH', given.signals_channel, given.id }
end
return answer('cancelled')
