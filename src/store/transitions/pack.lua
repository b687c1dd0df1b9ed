-- pack: a job that has ended takes the form in which it is kept. Its events become one compressed text: of a stream Redis
-- reserves 4 KB. Most fields become one, `view`: each field costs 60 bytes beside its value.
-- Answers: packed, dropped (the job has other events by now, or is gone).
if not terminal or record.seq ~= given.seq then
  return answer('dropped')
end
local values = {}
for field in string.gmatch(given.packed_fields, '%S+') do
  values[#values + 1] = record[field] or ''
  unset(field)
end
set('view', table.concat(values, '\0'))
-- Nothing is repeated so long after the end.
unset('attempt', 'epoch', 'created_position', 'released_token', 'released_as')
is_rewritten = true
plan('SET', EVENTS, given.events)
-- A job of an earlier build may stand in no list of one status yet.
plan('ZADD', STATUSES, 0, status_member(record.status))
return answer('packed')
