-- name: load_position
-- The last applied event of one (source, partition).
select sequence, hash from inbox where source = $1 and partition = $2

-- name: load_positions
-- Every position of this service.
select source, partition, sequence, hash from inbox order by source, partition

-- name: move_positions
-- Compare-and-set: a row moves only if it stands at the sequence at which the state in memory was built.
-- Where `hashes` are given, those of the batch are kept, and whole batches before the last $7 events are forgotten.
with next as (
    select * from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[])
        as next (source, partition, expected, sequence, hash, hashes)
), locked as (
    select inbox.source, inbox.partition from inbox join next using (source, partition)
    where inbox.sequence = next.expected
    order by inbox.source, inbox.partition for update of inbox
), moved as (
    update inbox set sequence = next.sequence, hash = next.hash
    from next, locked
    where inbox.source = next.source and inbox.partition = next.partition
      and locked.source = next.source and locked.partition = next.partition
      and inbox.sequence = next.expected
    returning inbox.source, inbox.partition
), kept as (
    insert into inbox_hashes (source, partition, last, hashes)
    select source, partition, sequence, hashes from next join moved using (source, partition)
    where hashes is not null
    on conflict (source, partition, last) do update set hashes = excluded.hashes
), forgotten as (
    delete from inbox_hashes using next
    where next.hashes is not null and inbox_hashes.source = next.source
      and inbox_hashes.partition = next.partition and inbox_hashes.last <= next.sequence - $7::bigint
)
select source, partition from moved

-- name: load_hashes
-- The batches of applied events that hold sequence $3 + 1, and those after it.
select last, hashes from inbox_hashes where source = $1 and partition = $2 and last > $3 order by last
