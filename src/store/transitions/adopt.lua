-- adopt: gives a finished job to another owner.
-- Answers: adopted, not_finished {status}, not_found (also when it has the new owner already).
local JOBS, NEW_JOBS = KEYS[12], KEYS[14]
more_types[JOBS] = 'zset'
more_types[NEW_JOBS] = 'zset'

if not record.status or record.owner ~= given.owner then
  return answer('not_found')
end
if not terminal then
  return answer('not_finished', 'status', record.status)
end
plan('ZREM', JOBS, given.id)
plan('ZREM', STATUSES, status_member(record.status))
index('ZREM')
plan('HDEL', facts_key(), given.id)
set('owner', given.new_owner)
plan('ZADD', NEW_JOBS, 0, given.id)
plan('ZADD', STATUSES, 0, status_member(record.status))
if facts_text then
  put_facts(facts_text)
end
index('ZADD')
return answer('adopted')
