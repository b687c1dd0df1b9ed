-- pack: converts a finished job to its compact form. Its events become one compressed text, because Redis reserves 4 KB
-- for a stream. Most fields become one, `view`, because each field costs 60 bytes besides its value, and is compressed.
-- Answers: packed, dropped (the job has changed since it was read, is gone, or a later version wrote it).
local is_as_read = record.seq == given.seq and (record.revision or '') == given.revision
if not terminal or not is_as_read or tonumber(record.schema or 1) > tonumber(given.schema) then
  return answer('dropped')
end
for field in string.gmatch(given.packed_fields, '%S+') do
  unset(field)
end
set('view', given.view)
-- No transition is repeated so long after the end, and no event is appended. The last one came with the last change.
unset('attempt', 'epoch', 'event_at', 'created_position', 'released_token', 'released_as')
is_rewritten = true
plan('SET', EVENTS, given.events)
-- A job of an earlier build may be missing from the status index.
plan('ZADD', STATUSES, 0, status_member(record.status))
return answer('packed')
