-- create: nothing -> queued, or succeeded with the result of an earlier job. The idempotency look-up, the queue cap, the
-- quotas, the record, its first event (or all of them), the indexes and the outbox entry, in one transition. The delivery
-- is held instead if the owner's running quota is used up.
-- Answers: created {created_at, queue_position (empty with a result)}, replayed {id, created_at, queue_position}, key_reused, wrong_clock {now}
-- (the time in the id is not Redis's: create it under another id), dataset_gone, result_gone, not_accepting,
-- queue_full {queued}, queued_quota_exceeded {queued}, storage_quota_exceeded {bytes}.
local JOBS, STORAGE, IDEMPOTENCY, IDEMPOTENCIES = KEYS[12], KEYS[13], KEYS[14], KEYS[15]
more_types[JOBS] = 'zset'

-- After a lost reply, the client library may send the command again: the job then exists already.
if record.status then
  if record.delivery and redis.call('ZSCORE', OUTBOX, delivery_id()) then
    released[1] = delivery_id()
  end
  return answer('created', 'created_at', record.created_at, 'queue_position', record.created_position or 1)
end

if IDEMPOTENCY then
  more_types[IDEMPOTENCY] = 'hash'
  more_types[IDEMPOTENCIES] = 'zset'
  local entry = redis.call('HMGET', IDEMPOTENCY, 'body_sha256', 'id', 'created_at', 'queue_position')
  if entry[1] then
    if entry[1] ~= given.body_sha256 then
      return answer('key_reused')
    end
    return answer('replayed', 'id', entry[2], 'created_at', entry[3], 'queue_position', entry[4])
  end
end

-- Lists are in the order of the ids, so the ids must tell the time of creation well.
if math.abs(clock - given.id_time) > tonumber(given.most_skew) then
  return answer('wrong_clock', 'now', clock)
end
-- Another request may have dropped it since its shape was read. From here on, this job keeps it.
if given.upload ~= '' then
  local dataset = redis.call('GET', dataset_key(given.upload)) or ''
  if string.sub(dataset, 1, #given.upload_sha256 + 1) ~= given.upload_sha256 .. ' ' then
    return answer('dataset_gone')
  end
end
if given.accepting == '0' then
  return answer('not_accepting')
end
local is_cached = given.cached_from ~= ''
-- It may have been removed, or another result have come of the same spec, since its files were taken.
if is_cached and redis.call('HGET', given.job_of .. given.cached_from, 'result_key') ~= given.result_key then
  return answer('result_gone')
end
-- A job that needs no worker needs no room in the queue.
if not is_cached then
  -- Paused jobs count, else a pause would make room for a job more, again and again.
  local paused = count_of('paused')
  local queued = redis.call('ZCARD', QUEUED) + paused
  if queued >= tonumber(given.max_queued) then
    return answer('queue_full', 'queued', queued)
  end
  if given.queued_quota ~= '' then
    local own = count_of('queued') + paused
    if own >= tonumber(given.queued_quota) then
      return answer('queued_quota_exceeded', 'queued', own)
    end
  end
end
if given.storage_quota ~= '' then
  local bytes = tonumber(redis.call('HGET', STORAGE, given.owner) or 0)
  if bytes >= tonumber(given.storage_quota) then
    return answer('storage_quota_exceeded', 'bytes', text(bytes))
  end
end

for _, field in ipairs({ 'schema', 'owner', 'spec', 'data', 'version', 'parameters', 'progress' }) do
  set(field, given[field])
end
if given.webhooks ~= '' then
  set('webhooks', given.webhooks)
  set('messages', 0)
end
if given.parent ~= '' then
  set('parent', given.parent)
end
set('seq', 0)
set('created_at', now)
put_facts(text(now) .. FACT_SEPARATOR .. given.facts)
plan('ZADD', JOBS, 0, given.id)
local position = ''
if is_cached then
  for _, field in ipairs({ 'cached_from', 'result_key', 'engine', 'epoch', 'latest', 'result', 'evaluation', 'model',
    'kept' }) do
    set(field, given[field])
  end
  -- Jobs of earlier builds have none.
  if given.log ~= '' then
    set('log', given.log)
  end
  set_status('succeeded')
  set('finished_at', now)
  plan('ZADD', FINISHED, now, given.id)
  append_silently('job.queued', given.event)
  for name, data in string.gmatch(given.past, '(%S+) ([^\n]+)') do
    append_silently(name, data)
  end
  append('job.succeeded', '{"result":' .. given.result .. '}')
else
  for _, field in ipairs({ 'delivery', 'attempt', 'faults', 'epoch', 'progress_step', 'progress_events' }) do
    set(field, 0)
  end
  if given.upload ~= '' then
    set('upload', given.upload)
    plan('ZADD', given.dataset_jobs, 0, dataset_member(given.upload, given.id))
  end
  for _, field in ipairs({ 'trace', 'estimate', 'verifies' }) do
    if given[field] ~= '' then
      set(field, given[field])
    end
  end
  set('checkpoint', given.checkpoint)
  set('checkpoint_epoch', given.checkpoint_epoch)
  -- In microseconds, so that no two jobs have the same place in the queue.
  set('place', time[1] * 1000000 + time[2] - given.priority * PRIORITY_STEP)
  position = redis.call('ZCOUNT', QUEUED_OF_OWNER, '-inf', record.place) + 1
  set('created_position', position)
  count_up('delivery')
  queue_up()
  -- Every transition must know the quota, but only the API knows whether owners are told apart.
  if redis.call('HGET', SHARE, 'running_quota') ~= given.running_quota then
    plan('HSET', SHARE, 'running_quota', given.running_quota)
  end
  local free, held = room(given.running_quota), held_count()
  if held == 0 and free > 0 then
    release_delivery(delivery_id())
  else
    plan('ZADD', HELD, 0, held_member())
    release_next(free)
  end
  plan('SADD', LIVE, given.id)
  append('job.queued', given.event)
end
index('ZADD')

if IDEMPOTENCY then
  plan('HSET', IDEMPOTENCY, 'body_sha256', given.body_sha256, 'id', given.id, 'created_at', now,
    'queue_position', position)
  plan('PEXPIRE', IDEMPOTENCY, given.idempotency_ms)
  -- The list is only needed to forget the oldest entries of an owner who has too many. Its members are the last 64
  -- characters of the entries' keys.
  if redis.call('ZCARD', IDEMPOTENCIES) >= tonumber(given.max_keys) then
    local oldest = redis.call('ZRANGE', IDEMPOTENCIES, 0, 0)[1]
    plan('DEL', string.sub(IDEMPOTENCY, 1, -65) .. oldest)
    plan('ZREM', IDEMPOTENCIES, oldest)
  end
  plan('ZREMRANGEBYSCORE', IDEMPOTENCIES, '-inf', clock - given.idempotency_ms)
  plan('ZADD', IDEMPOTENCIES, clock, string.sub(IDEMPOTENCY, -64))
  plan('PEXPIRE', IDEMPOTENCIES, given.idempotency_ms)
end
return answer('created', 'created_at', now, 'queue_position', position)
