-- epoch: one epoch's row, the progress and the checkpoint that now counts. epoch = last + 1 is appended; one that is
-- there already (a replay after a restart, a command sent twice) has the same bits and changes nothing but the
-- checkpoint's name; a later one is refused: Redis lost what came between.
-- Answers: confirmed {status}, refused, gap.
local refused = fence()
if refused then
  return refused
end

local epoch, last = tonumber(given.epoch), tonumber(record.epoch)
if epoch > last + 1 then
  return answer('gap')
end
if given.checkpoint ~= '' then
  set('checkpoint', given.checkpoint)
  set('checkpoint_epoch', epoch)
end
if epoch == last + 1 then
  set('epoch', epoch)
  set('faults', 0)
  set('latest', given.latest)
  set('progress', given.progress)
  set('progress_step', given.step)
  append('job.epoch', given.event)
end
return answer('confirmed', 'status', record.status)
