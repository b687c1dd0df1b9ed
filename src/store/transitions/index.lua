-- index: gives a job of an older version the facts that it is found by, or completes them. Shows nowhere in the job.
-- Answers: indexed, dropped (it is gone, or has changed since the caller read it).
if not record.status or record.seq ~= given.seq then
  return answer('dropped')
end
index('ZREM')
put_facts(given.facts)
-- Once they were a field of the record.
plan('HDEL', JOB, 'facts')
index('ZADD')
return answer('indexed')
