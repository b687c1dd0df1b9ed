-- create: nothing -> queued. The idempotency look-up, the queue cap, the record, its first event, the indexes
-- and the outbox entry, in one transition.
-- Answers: created {created_at, queue_position}, replayed {the stored answer}, key_reused, not_accepting,
-- queue_full {queued}.
local JOBS, IDEMPOTENCY = KEYS[9], KEYS[10]

-- The client library may send a command twice after a lost reply: the second finds the first one's work.
if record.status then
  return answer('created', 'created_at', record.created_at, 'queue_position', record.created_position)
end

if IDEMPOTENCY then
  local entry = redis.call('HMGET', IDEMPOTENCY, 'body_sha256', 'id', 'created_at', 'queue_position', 'head', 'middle', 'tail')
  if entry[1] then
    if entry[1] ~= given.body_sha256 then
      return answer('key_reused')
    end
    return answer('replayed', 'id', entry[2], 'created_at', entry[3], 'queue_position', entry[4], 'head', entry[5],
      'middle', entry[6], 'tail', entry[7])
  end
end

if given.accepting == '0' then
  return answer('not_accepting')
end
local queued = redis.call('ZCARD', QUEUED)
if queued >= tonumber(given.max_queued) then
  return answer('queue_full', 'queued', queued)
end

-- In microseconds, so that no two jobs have the same place in the queue.
local place = string.format('%.0f', time[1] * 1000000 + time[2])
redis.call('HSET', JOB, 'owner', given.owner, 'spec', given.spec, 'version', given.version, 'parameters',
  given.parameters, 'progress', given.progress, 'created_at', now, 'delivery', 0, 'attempt', 0, 'faults', 0,
  'epoch', 0, 'seq', 0, 'progress_step', 0, 'progress_events', 0, 'checkpoint', '', 'checkpoint_epoch', 0,
  'place', place)
record.place = place
enqueue()
local position = redis.call('ZRANK', QUEUED, given.id) + 1
redis.call('HSET', JOB, 'created_position', position)
redis.call('SADD', LIVE, given.id)
redis.call('ZADD', JOBS, 0, given.id)
append('job.queued', given.event)

if IDEMPOTENCY then
  redis.call('HSET', IDEMPOTENCY, 'owner', given.owner, 'body_sha256', given.body_sha256, 'id', given.id, 'created_at', now, 'queue_position',
    position, 'head', given.head, 'middle', given.middle, 'tail', given.tail)
  redis.call('PEXPIRE', IDEMPOTENCY, given.idempotency_ms)
end
return answer('created', 'created_at', now, 'queue_position', position)
