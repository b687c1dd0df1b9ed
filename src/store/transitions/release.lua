-- release: of no job. Hands the owner's next held deliveries to the outbox, as many as his running quota allows by now:
-- workers may have come, or the quota may have changed. Ends of jobs do the same by themselves.
-- Answers: released {released}.
release_next(room())
return answer('released')
