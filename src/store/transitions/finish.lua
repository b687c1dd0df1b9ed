-- finish: running, pausing, cancelling -> succeeded or failed; cancelling -> cancelled. If the worker finishes before it
-- sees a pause or a cancel, the job still succeeds.
-- Answers: succeeded, failed, cancelled, refused; gap when the record lacks an epoch of a success: Redis came back
-- without its newest writes. A repeat gets what the attempt came to: the above, queued or paused.
local refused = fence()
if refused then
  return refused
end
if given.status == 'cancelled' and record.status ~= 'cancelling' then
  return answer('refused')
end

if given.status == 'succeeded' and record.epoch ~= given.epoch then
  return answer('gap')
end

close_attempt(given.status)
if given.log ~= '' then
  set('log', given.log)
end
if given.status == 'succeeded' then
  -- Only Redis's clock gives the duration; the worker left a gap for it.
  local duration = string.format('%.3f', elapsed_ms() / 1000)
  set('result', given.result_head .. duration .. given.result_tail)
  set('evaluation', given.evaluation)
  set('model', given.model)
  if given.kept ~= '' then
    set('kept', given.kept)
  end
  set_facts({
    [SORTED.test_accuracy] = given.test_accuracy,
    [SORTED.val_loss] = given.val_loss,
    [SORTED.duration_seconds] = duration,
  })
  index('ZADD')
  terminate('succeeded', '{"result":' .. record.result .. '}')
elseif given.status == 'failed' then
  append_verdicts()
  fail(given.error)
else
  terminate('cancelled', '{}')
end
release(given.status)
return answer(given.status)
