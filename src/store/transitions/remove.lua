-- remove: a finished job's record, events, attempts and index entries go; its id goes to the trash until its
-- folder is gone too. Until then a repeat is answered like the first.
-- Answers: removed, not_finished {status}, not_found.
local JOBS = KEYS[9]

if not record.status and redis.call('SISMEMBER', TRASH, given.id) == 1 then
  return answer('removed')
end
if not record.status or record.owner ~= given.owner then
  return answer('not_found')
end
if not terminal then
  return answer('not_finished', 'status', record.status)
end
redis.call('DEL', JOB, ATTEMPTS, EVENTS)
redis.call('ZREM', JOBS, given.id)
redis.call('ZREM', FINISHED, given.id)
redis.call('SADD', TRASH, given.id)
return answer('removed')
