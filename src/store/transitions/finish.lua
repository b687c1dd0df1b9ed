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
  set('result_key', given.result_key)
  if given.verification ~= '' then
    set('verification', given.verification)
    local other = given.job_of .. given.verifies
    more_types[other] = 'hash'
    local found = redis.call('HMGET', other, 'status', 'revision', 'owner', 'result_key')
    if found[1] == 'succeeded' then
      plan('HSET', other, 'verification', given.verification, 'revision', (found[2] or 0) + 1, 'changed_at', now)
    end
    -- Two results of one spec: neither can be trusted, so no other job gets them.
    if given.verdict == 'differs' then
      unset('result_key')
      if found[4] then
        plan('HDEL', other, 'result_key')
        index_result('ZREM', found[3], found[4], given.verifies)
      end
    end
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
