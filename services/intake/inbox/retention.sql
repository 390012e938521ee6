-- name: marks
-- How far partitions were applied when they were last marked.
select partition, next_offset, digest, marked_at from inbound_marks

-- name: put_mark
-- How far a partition is applied now.
insert into inbound_marks (partition, next_offset, digest, marked_at) values ($1, $2, $3, $4)
on conflict (partition) do update
set next_offset = excluded.next_offset, digest = excluded.digest, marked_at = excluded.marked_at
