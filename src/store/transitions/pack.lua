-- pack: the events of a finished job take the form in which they are kept, one compressed text. Of a stream Redis
-- reserves 4 KB, and ten epochs are the usual length.
-- Answers: packed, dropped (the job has other events by now, or is gone).
if not terminal or record.seq ~= given.seq then
  return answer('dropped')
end
plan('SET', EVENTS, given.events)
return answer('packed')
