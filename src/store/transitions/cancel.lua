-- cancel: queued -> cancelled; running -> cancelling, with a signal to its worker; cancelling, cancelled: no change.
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
elseif record.status == 'running' then
  runs_when_full = true
  set_status('cancelling')
  append('job.cancelling', '{}')
  signals[#signals + 1] = { 'PUBLISH', given.signals_channel, given.id }
end
return answer('cancelled')
