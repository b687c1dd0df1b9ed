-- pause: queued -> paused; running -> pausing, with a signal to its worker, which makes it paused at the end of an epoch,
-- or at once if `now` is yes; pausing: no change, but it may become a pause at once; paused: no change.
-- Answers: paused (it is, or will be), cancelling, finished {status}, not_found.
-- An empty owner stands for all.
if not record.status or (given.owner ~= '' and record.owner ~= given.owner) then
  return answer('not_found')
end
if terminal then
  return answer('finished', 'status', record.status)
end
if record.status == 'cancelling' then
  return answer('cancelling')
end
if record.status == 'queued' then
  pause()
elseif record.status ~= 'paused' then
  if given.now == 'yes' and not record.pause_now then
    set('pause_now', 'yes')
  end
  if record.status == 'running' then
    set_status('pausing')
    append('job.pausing', '{}')
  end
  if next(changed) then
    signals[#signals + 1] = { 'PUBLISH', given.signals_channel, given.id }
  end
end
return answer('paused')
