-- name: load_position
-- The last applied event of one (source, partition).
select sequence, hash from inbox where source = $1 and partition = $2

-- name: load_positions
-- Every position of this service.
select source, partition, sequence, hash from inbox order by source, partition

-- name: move_positions
-- Compare-and-set: a row moves only if it stands at the sequence at which the state in memory was built.
with next as (
    select * from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[])
        as next (source, partition, expected, sequence, hash)
), locked as (
    select inbox.source, inbox.partition from inbox join next using (source, partition)
    where inbox.sequence = next.expected
    order by inbox.source, inbox.partition for update of inbox
)
update inbox set sequence = next.sequence, hash = next.hash
from next, locked
where inbox.source = next.source and inbox.partition = next.partition
  and locked.source = next.source and locked.partition = next.partition
  and inbox.sequence = next.expected
returning inbox.source, inbox.partition
