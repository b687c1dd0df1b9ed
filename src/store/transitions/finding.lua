-- What jobs are found by: their facts, the indexes that follow from them, and how many have which status.

-- Same as statusMember() in keys.ts.
local function status_member(status)
  return record.owner .. ':' .. status .. ':' .. given.id
end

-- What the job is found by, in the hash of its owner: text of FACT_SEPARATOR. Same order as FACTS in facts.ts; the labels
-- follow. A job of an older version has none until JobIndexer gives it some.
local FACT_SEPARATOR = '\31'
local ENGINE, LABELS_FROM = 4, 10
local SORTED = { test_accuracy = 7, val_loss = 8, duration_seconds = 9 }

local facts_text

-- Same as facts() in keys.ts.
local function facts_key()
  local key = given.facts_of .. record.owner
  more_types[key] = 'hash'
  return key
end

local function put_facts(value)
  facts_text = value
  plan('HSET', facts_key(), given.id, value)
end

-- As a list; nil if there are none.
local function facts_of()
  facts_text = facts_text or redis.call('HGET', facts_key(), given.id)
  if not facts_text then
    return nil
  end
  local facts = {}
  for fact in string.gmatch(facts_text .. FACT_SEPARATOR, '([^' .. FACT_SEPARATOR .. ']*)' .. FACT_SEPARATOR) do
    facts[#facts + 1] = fact
  end
  return facts
end

local function set_facts(values)
  local facts = facts_of()
  if facts then
    for place, value in pairs(values) do
      facts[place] = text(value)
    end
    put_facts(table.concat(facts, FACT_SEPARATOR))
  end
end

-- Plans the command for a job's entry among the results: ZADD or ZREM. Same as resultMember() in keys.ts.
local function index_result(command, of_owner, key, id)
  more_types[given.results] = 'zset'
  local member = of_owner .. ':' .. key .. ':' .. id
  if command == 'ZADD' then
    plan('ZADD', given.results, 0, member)
  else
    plan('ZREM', given.results, member)
  end
end

-- Plans the command for each index entry that follows from the facts and the result: ZADD or ZREM. Same as sorted(), labels and
-- labelMember() in keys.ts.
local function index(command)
  if record.result_key then
    index_result(command, record.owner, record.result_key, given.id)
  end
  local facts = facts_of() or {}
  for name, place in pairs(SORTED) do
    local key, value = given.sorted_of .. name .. ':' .. record.owner, facts[place] or ''
    if value ~= '' then
      more_types[key] = 'zset'
      if command == 'ZADD' then
        plan('ZADD', key, value, given.id)
      else
        plan('ZREM', key, given.id)
      end
    end
  end
  for place = LABELS_FROM, #facts do
    if facts[place] ~= '' then
      local member = record.owner .. ':' .. facts[place] .. FACT_SEPARATOR .. given.id
      if command == 'ZADD' then
        plan('ZADD', LABELS, 0, member)
      else
        plan('ZREM', LABELS, member)
      end
    end
  end
end

-- How many jobs of the owner have the status. ; sorts after :, so it ends a range of members.
local function count_of(status)
  local prefix = owner .. ':' .. status
  return redis.call('ZLEXCOUNT', STATUSES, '[' .. prefix .. ':', '(' .. prefix .. ';')
end

local function set_status(status)
  if record.status then
    plan('ZREM', STATUSES, status_member(record.status))
  end
  plan('ZADD', STATUSES, 0, status_member(status))
  set('status', status)
end
