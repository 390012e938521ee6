-- name: inbox
-- Every position, and where the log of decisions ends there.
select inbox.source, inbox.partition, inbox.sequence, inbox.hash, log_head.sequence as head
from inbox left join log_head using (partition) order by inbox.source, inbox.partition

-- name: positions
-- How far the facts of each partition were applied, and where its log of decisions ends.
select inbox.partition, inbox.sequence, inbox.hash, log_head.sequence as head
from inbox join log_head using (partition) where inbox.source = $1 order by inbox.partition

-- name: empty_read_models
-- All that is told again from facts and decisions. Whoever reads them waits until that is done.
truncate mentors, mentor_loads, counters, enrolments

-- name: decisions
-- The next decisions of a partition.
select sequence, type, causation_id, value from log
where partition = $1 and sequence > $2 order by sequence limit $3
