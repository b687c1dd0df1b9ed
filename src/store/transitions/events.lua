-- What is told of a transition: events, the feed of their owner, and messages to webhooks.

-- Events of all of an owner's jobs, for those who watch many.
local FEED_LENGTH = 10000

-- Of a job that starts again and again, so many are enough.
local MOST_MESSAGES = 100

local function lane_of(webhook, url)
  local host = string.match(url, '^%a+://([^/?]+)') or ''
  return given.id .. ':' .. webhook .. ':' .. host
end

-- Calls `run` with number, events and URL of each webhook.
local function each_webhook(run)
  local webhook = 0
  for events, url in string.gmatch(record.webhooks or '', '(%S+) (%S+)') do
    run(webhook, events, url)
    webhook = webhook + 1
  end
end

-- A message waits in the lane of its webhook until an API has sent it. The messages of a lane are sent one after the
-- other, so a lane that waits already keeps its time.
local function tell_webhooks(name)
  each_webhook(function(webhook, events, url)
    local is_told = string.find(',' .. events .. ',', ',' .. name .. ',', 1, true)
    if not is_told or (name == 'job.running' and tonumber(record.messages) >= MOST_MESSAGES) then
      return
    end
    more_types[given.messages], more_types[given.lanes] = 'hash', 'zset'
    plan('HSET', given.messages, count_up('messages'), name .. ' ' .. text(now) .. ' ' .. webhook .. ' pending '
      .. text(clock) .. ' 0 []')
    plan('ZADD', given.lanes, 'NX', clock, lane_of(webhook, url))
  end)
end

local function append_silently(name, data)
  local seq = count_up('seq')
  set('event_at', now)
  events[#events + 1] = { 'XADD', EVENTS, seq .. '-0', 'type', name, 'at', text(now), 'data', data }
  -- Same as feed() in keys.ts.
  local feed = given.feed_of .. record.owner
  more_types[feed] = 'stream'
  plan('XADD', feed, 'MAXLEN', '~', FEED_LENGTH, '*', 'job', given.id, 'seq', seq)
  return feed, text(seq)
end

-- Tells viewers and webhooks of it, too: for the last event of a transition, or each of a few.
local function append(name, data)
  local feed, seq = append_silently(name, data)
  signals[#signals + 1] = { 'PUBLISH', given.seq_channel, seq }
  signals[#signals + 1] = { 'PUBLISH', feed, seq }
  tell_webhooks(name)
end

-- Those that the caller gave as verdict_1, verdict_2, ...
local function append_verdicts()
  local n = 1
  while given['verdict_' .. n] do
    append('job.verdict', given['verdict_' .. n])
    n = n + 1
  end
end
