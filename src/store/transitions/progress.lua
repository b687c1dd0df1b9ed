-- progress: how far the running epoch is. It becomes an event at least 1 s after the last one and at most 100 times per
-- job. Steps that are computed again after a restart change nothing.
-- Answers: confirmed {status}, refused.
local refused = fence()
if refused then
  return refused
end

if tonumber(given.step) > tonumber(record.progress_step) then
  set('progress', given.progress)
  set('progress_step', given.step)
  if now - record.event_at >= 1000 and tonumber(record.progress_events) < 100 then
    count_up('progress_events')
    append('job.progress', given.progress)
  end
end
return answer('confirmed', 'status', record.status)
