-- drop_dataset: of no job. An owner's uploaded dataset ceases to exist, unless a live job needs it.
-- Answers: dropped {sha256, shared} (shared: 1 while other datasets have the same rows), needed {jobs}, not_found.
local DATASET, FILES, BYTES = dataset_key(given.name), given.dataset_files, given.dataset_bytes
more_types[given.datasets] = 'zset'
more_types[FILES] = 'hash'
more_types[BYTES] = 'hash'

local known = redis.call('GET', DATASET)
if not known then
  return answer('not_found')
end
local member = dataset_member(given.name, '')
local jobs = redis.call('ZRANGE', given.dataset_jobs, '[' .. member, '(' .. string.sub(member, 1, -2) .. ';', 'BYLEX',
  'LIMIT', 0, 10)
if #jobs > 0 then
  for i = 1, #jobs do
    jobs[i] = string.match(jobs[i], '[^:]+$')
  end
  return answer('needed', 'jobs', table.concat(jobs, ' '))
end
local sha256, bytes = string.match(known, '^(%x+) (%d+) ')
local others = tonumber(redis.call('HGET', FILES, sha256) or 1) - 1
-- The DEL comes first: a full Redis accepts it, and then every later write of the script.
plan('DEL', DATASET)
plan('ZREM', given.datasets, owner .. ':' .. given.name)
if others > 0 then
  plan('HINCRBY', FILES, sha256, -1)
else
  plan('HDEL', FILES, sha256)
end
plan('HINCRBY', BYTES, owner, -bytes)
return answer('dropped', 'sha256', sha256, 'shared', others > 0 and 1 or 0)
