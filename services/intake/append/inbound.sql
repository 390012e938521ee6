-- name: load_inbound
-- The applied position of one partition of rahnama.inbound.
select next_offset, digest from inbound where partition = $1

-- name: load_all_inbound
-- The applied position of every partition of rahnama.inbound.
select partition, next_offset, digest from inbound order by partition

-- name: move_inbound
-- Compare-and-set: a row moves only if it stands at the offset, and behind the record, that was expected.
with next as (
    select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bytea[])
        as next (partition, expected_offset, expected_digest, next_offset, digest)
), locked as (
    select inbound.partition from inbound join next using (partition)
    where inbound.next_offset = next.expected_offset and inbound.digest = next.expected_digest
    order by inbound.partition for update of inbound
)
update inbound set next_offset = next.next_offset, digest = next.digest
from next, locked
where inbound.partition = next.partition and locked.partition = next.partition
  and inbound.next_offset = next.expected_offset and inbound.digest = next.expected_digest
returning inbound.partition
