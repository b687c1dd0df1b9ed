-- put_dataset: of no job. An owner's uploaded dataset comes to exist, or is found to exist.
-- Answers: created {created_at}, same {created_at} (he has it with the same content), other (with other content),
-- too_many, full {bytes} (of all owners), quota_exceeded {bytes} (of this one).
local DATASET, DATASETS, FILES, BYTES = dataset_key(given.name), given.datasets, given.dataset_files, given.dataset_bytes
more_types[DATASETS] = 'zset'
more_types[FILES] = 'hash'
more_types[BYTES] = 'hash'

local known = redis.call('GET', DATASET)
if known then
  local sha256, created_at = string.match(known, '^(%x+) %d+ (%d+) ')
  if sha256 ~= given.sha256 then
    return answer('other')
  end
  return answer('same', 'created_at', created_at)
end
if redis.call('ZLEXCOUNT', DATASETS, '[' .. owner .. ':', '(' .. owner .. ';') >= tonumber(given.most_datasets) then
  return answer('too_many')
end
local own, all = 0, 0
local used = redis.call('HGETALL', BYTES)
for i = 1, #used, 2 do
  all = all + used[i + 1]
  if used[i] == owner then
    own = tonumber(used[i + 1])
  end
end
if all + given.bytes > tonumber(given.most_bytes) then
  return answer('full', 'bytes', text(all))
end
if given.quota ~= '' and own + given.bytes > tonumber(given.quota) then
  return answer('quota_exceeded', 'bytes', text(own))
end
plan('SET', DATASET, table.concat({ given.sha256, given.bytes, text(clock), given.about }, ' '))
plan('ZADD', DATASETS, 0, owner .. ':' .. given.name)
plan('HINCRBY', FILES, given.sha256, 1)
plan('HINCRBY', BYTES, owner, given.bytes)
return answer('created', 'created_at', clock)
