-- Proves that every planned write can be made, then makes them all. Redis refuses a command in a script when the user
-- lacks the right or the key has another type and, only before the script's first write, when its memory is full, its
-- disk fails or it is a replica.
local TYPES = {
  [JOB] = 'hash', [EVENTS] = 'stream', [QUEUED] = 'zset', [LIVE] = 'set', [FINISHED] = 'zset',
  [OUTBOX] = 'zset', [TRASH] = 'set', [STATUSES] = 'zset', [HELD] = 'zset', [SHARE] = 'hash',
  [LABELS] = 'zset',
}

local function record_writes()
  local fields, gone = { 'HSET', JOB }, { 'HDEL', JOB }
  for field in pairs(is_rewritten and record or changed) do
    if record[field] then
      fields[#fields + 1] = field
      fields[#fields + 1] = record[field]
    else
      gone[#gone + 1] = field
    end
  end
  return fields, gone
end

-- The events are the first change: if their id is not the stream's next, nothing has been written yet. The signals come last, after
-- the writes that their receivers will read.
local function planned_writes()
  local writes = {}
  local fields, gone = record_writes()
  if runs_when_full then
    -- Changes nothing, but a full Redis accepts it, and then every later write of the script.
    writes[#writes + 1] = { 'HDEL', JOB, 'none' }
  end
  for _, event in ipairs(events) do
    writes[#writes + 1] = event
  end
  if is_rewritten then
    writes[#writes + 1] = { 'DEL', JOB }
  end
  if #fields > 2 then
    writes[#writes + 1] = fields
  end
  if #gone > 2 then
    writes[#writes + 1] = gone
  end
  for _, list in ipairs({ commands, signals }) do
    for _, command in ipairs(list) do
      writes[#writes + 1] = command
    end
  end
  return writes
end

-- Returns why the write cannot be made, as a Redis error, or nil when it can.
local function refusal(write)
  -- Redis before 7.0 has no such call. There, rights are checked when a connection is made, and a right that is revoked
  -- later may be missed here.
  if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(write)) then
    return 'NOPERM this user may not run ' .. write[1] .. ' on ' .. write[2]
  end
  local wanted = TYPES[write[2]]
  -- SET and DEL accept a key of any type.
  if wanted and write[1] ~= 'SET' and write[1] ~= 'DEL' then
    local found = redis.call('TYPE', write[2]).ok
    if found ~= wanted and found ~= 'none' then
      return 'WRONGTYPE ' .. write[2] .. ' is a ' .. found .. ', not a ' .. wanted
    end
  end
end

local outcome = transition()
for key, kind in pairs(more_types) do
  TYPES[key] = kind
end
-- A record that is only written anew shows the same as before.
if next(changed) and not is_rewritten then
  set('revision', (record.revision or 0) + 1)
  set('changed_at', now)
end
local writes = planned_writes()
for _, write in ipairs(writes) do
  local refused = refusal(write)
  if refused then
    return redis.error_reply(refused)
  end
end
for _, write in ipairs(writes) do
  redis.call(unpack(write))
end
if #released > 0 then
  outcome[#outcome + 1] = 'released'
  outcome[#outcome + 1] = table.concat(released, ' ')
end
return outcome
