-- update: any: no change. Stores a spec with another name, metadata or priority; the priority of queued jobs only. A job
-- that has ended gets no event, since its terminal one is the last.
-- Answers: updated, moved (the spec is not as the caller read it: read again), changed (the caller wanted the job as it
-- read it, and it has changed), not_queued {status}, not_found.
-- An empty owner stands for all.
if not record.status or (given.owner ~= '' and record.owner ~= given.owner) then
  return answer('not_found')
end
local is_as_read = record.revision == given.revision and record.changed_at == given.changed_at
if given.exact == 'yes' and not is_as_read then
  return answer('changed')
end
-- The spec of a packed job is inside its view, whose every change is one of the revision.
if (record.view == nil) ~= (given.view == '') or (record.view and not is_as_read) then
  return answer('moved')
end
if not record.view and record.spec ~= given.old_spec then
  return answer('moved')
end
local raise = tonumber(given.raise)
if raise ~= 0 then
  if record.status ~= 'queued' then
    return answer('not_queued', 'status', record.status)
  end
  local held = is_held()
  leave_queue()
  set('place', record.place - raise * PRIORITY_STEP)
  queue_up()
  if held then
    plan('ZADD', HELD, 0, held_member())
  end
end
if record.view then
  set('view', given.view)
else
  set('spec', given.spec)
  raise_schema()
end
if given.event ~= '' and not terminal then
  append('job.updated', given.event)
end
local facts = facts_of()
if facts then
  index('ZREM')
  local kept = table.concat(facts, FACT_SEPARATOR, 1, LABELS_FROM - 1)
  put_facts(given.labels == '' and kept or kept .. FACT_SEPARATOR .. given.labels)
  index('ZADD')
end
return answer('updated')
