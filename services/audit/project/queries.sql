-- name: load_tree
-- One tree and the position of the inbox beside it, in one snapshot.
select inbox.sequence, inbox.hash, trees.size, trees.edge
from trees join inbox using (source, partition)
where source = $1 and partition = $2

-- name: move_trees
-- The trees after the batch; each only from the size at which its state in memory was built.
update trees set size = next.size, edge = next.edge
from unnest($1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[])
    as next (source, partition, expected, size, edge)
where trees.source = next.source and trees.partition = next.partition and trees.size = next.expected

-- name: hashes
-- What the ledger has at these sequences, for events that come again.
select sequence, hash from ledger where source = $1 and partition = $2 and sequence = any($3::bigint[])
