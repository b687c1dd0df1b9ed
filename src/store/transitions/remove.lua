-- remove: a finished job's record, events and index entries go; its id goes to the trash until its folder is
-- gone too. Until then a repeat is answered like the first.
-- Answers: removed, not_finished {status}, not_found.
local JOBS = KEYS[9]
more_types[JOBS] = 'zset'

if not record.status and redis.call('SISMEMBER', TRASH, given.id) == 1 then
  return answer('removed')
end
if not record.status or record.owner ~= given.owner then
  return answer('not_found')
end
if not terminal then
  return answer('not_finished', 'status', record.status)
end
-- A full Redis refuses no DEL, and after the first write of a script nothing more: a job can be removed then too.
plan('DEL', JOB)
plan('DEL', EVENTS)
plan('ZREM', JOBS, given.id)
plan('ZREM', FINISHED, given.id)
plan('ZREM', STATUSES, status_member(record.status))
plan('SADD', TRASH, given.id)
return answer('removed')
