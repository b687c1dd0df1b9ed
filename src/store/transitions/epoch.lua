-- epoch: one epoch's row, the progress and the checkpoint that now counts. epoch = last + 1 is appended; one
-- that is there already (a replay after a restart, a command sent twice) has the same bits and changes nothing
-- but the checkpoint's name; a later one is refused: Redis lost what came between.
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
  redis.call('HSET', JOB, 'checkpoint', given.checkpoint, 'checkpoint_epoch', epoch)
end
if epoch == last + 1 then
  redis.call('HSET', JOB, 'epoch', epoch, 'faults', 0, 'latest', given.latest, 'progress', given.progress,
    'progress_step', given.step)
  append('job.epoch', given.event)
end
return answer('confirmed', 'status', record.status)
