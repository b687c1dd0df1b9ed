-- resume: paused -> queued, before all others of its owner and priority; queued, running: no change, since a repeat finds them so.
-- The delivery is held instead of released if the owner's running quota is used up.
-- Answers: resumed, not_paused {status}, finished {status}, not_found.
-- An empty owner stands for all.
if not record.status or (given.owner ~= '' and record.owner ~= given.owner) then
  return answer('not_found')
end
if terminal then
  return answer('finished', 'status', record.status)
end
if record.status == 'pausing' or record.status == 'cancelling' then
  return answer('not_paused', 'status', record.status)
end
if record.status ~= 'paused' then
  return answer('resumed')
end
if record.started_at then
  set('paused_ms', (record.paused_ms or 0) + now - record.paused_at)
end
unset('paused_at')
local priority = math.floor((clock * 1000 - record.place) / PRIORITY_STEP + 0.5)
local least = clock * 1000 - (priority + 0.5) * PRIORITY_STEP
local first = redis.call('ZRANGE', QUEUED_OF_OWNER, text(least), '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
if first and tonumber(first) <= tonumber(record.place) then
  set('place', first - 1)
end
if tonumber(record.attempt) > 0 then
  set('reason', given.reason)
end
local free = room()
count_up('delivery')
queue_up()
if free > 0 then
  release_delivery(delivery_id())
else
  plan('ZADD', HELD, 0, held_member())
end
append('job.queued', given.event)
return answer('resumed')
