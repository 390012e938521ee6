-- name: log_length
-- How many events a service's log holds: its partitions are dense.
select coalesce(sum(sequence), 0)::bigint from log_head

-- name: applied_length
-- How many events of a source a service has applied.
select coalesce(sum(sequence), 0)::bigint from inbox where source = $1

-- name: student_facts
-- How many students were registered; -1 if one of them more than once.
select case when count(*) = count(distinct (tenant, subject)) then count(*) else -1 end
from log where type = 'rahnama.intake.student.registered.v1'

-- name: first_decisions
-- How many students were given a mentor or a place on the waitlist; -1 if one of them more than once.
select case when count(*) = count(distinct (tenant, subject)) then count(*) else -1 end from log
where type in ('rahnama.allocation.student.assigned.v1', 'rahnama.allocation.student.waitlisted.v1')

-- name: waiting
-- How many students wait.
select count(*) from enrolments where status = 'waitlisted'

-- name: ledger_length
-- How many records of a source the ledger keeps.
select count(*) from ledger where source = $1

-- name: log_transactions
-- The rows that were committed together, and when the first and the last of them were written.
select count(*), min(recorded_at), max(recorded_at) from log group by xmin::text

-- name: ledger_transactions
-- The same of the ledger.
select count(*), min(recorded_at), max(recorded_at) from ledger group by xmin::text

-- name: decision_of
-- The last decision that a fact led to, looked for behind where the log ended before.
select max(sequence) from log where partition = $1 and sequence > $2 and causation_id = $3

-- name: applied_to
-- How far one partition of a source was applied.
select sequence from inbox where source = $1 and partition = $2

-- name: log_ends
-- Where each partition of the log ends.
select partition, sequence from log_head

-- name: published_length
-- How many events of its log a service knows to be on the topic; written a little later than the fact.
select coalesce(sum(sequence), 0)::bigint from log_published
