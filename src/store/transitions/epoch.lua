-- epoch: records an epoch's metrics, the progress and the current checkpoint. The next epoch (last + 1) is appended. An
-- epoch that is already recorded (a replay after a restart, a command sent twice) has the same bits and changes only
-- the checkpoint. A later epoch is refused with gap: Redis lost the epochs in between.
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
if given.kept ~= '' then
  set('kept', given.kept)
end
if given.log ~= '' then
  set('log', given.log)
end
if epoch == last + 1 then
  set('epoch', epoch)
  set('faults', 0)
  set('latest', given.latest)
  set('progress', given.progress)
  set('progress_step', given.step)
  append('job.epoch', given.event)
  append_verdicts()
end
return answer('confirmed', 'status', record.status)
