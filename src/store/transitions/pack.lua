-- pack: converts a finished job to its compact form. Its events become one compressed text, because Redis reserves 4 KB
-- for a stream. Most fields become one, `view`, because each field costs 60 bytes besides its value.
-- Answers: packed, dropped (the job has other events by now, is gone, or a later version wrote it).
if not terminal or record.seq ~= given.seq or tonumber(record.schema or 1) > tonumber(given.schema) then
  return answer('dropped')
end
local values = {}
for field in string.gmatch(given.packed_fields, '%S+') do
  values[#values + 1] = record[field] or ''
  unset(field)
end
set('view', table.concat(values, '\0'))
-- No transition is repeated so long after the end, and no event is appended. The last one came with the last change.
unset('attempt', 'epoch', 'event_at', 'created_position', 'released_token', 'released_as')
is_rewritten = true
plan('SET', EVENTS, given.events)
-- A job of an earlier build may be missing from the status index.
plan('ZADD', STATUSES, 0, status_member(record.status))
return answer('packed')
