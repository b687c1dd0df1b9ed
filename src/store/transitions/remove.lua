-- remove: deletes a finished job's record, events and index entries and keeps its id in the trash until its folder is
-- gone too. Until then a repeat gets the first call's answer.
-- Answers: removed, not_finished {status}, not_found.
local JOBS = KEYS[12]
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
-- The DEL comes first: a full Redis accepts it, and then every later write of the script. So jobs can be removed even
-- when Redis is full.
plan('DEL', JOB)
plan('DEL', EVENTS)
-- What its webhooks have not been told yet goes with it.
if record.webhooks then
  more_types[given.messages], more_types[given.lanes] = 'hash', 'zset'
  plan('DEL', given.messages)
  each_webhook(function(webhook, _, url)
    plan('ZREM', given.lanes, lane_of(webhook, url))
  end)
end
plan('ZREM', JOBS, given.id)
plan('ZREM', FINISHED, given.id)
plan('ZREM', STATUSES, status_member(record.status))
index('ZREM')
plan('HDEL', facts_key(), given.id)
plan('SADD', TRASH, given.id)
return answer('removed')
