-- name: take_lock
-- The database for this session, if nobody has it.
select pg_try_advisory_lock($1)

-- name: lock_is_free
-- Taken for the length of this statement, if nobody has it.
select case when pg_try_advisory_lock_shared($1) then pg_advisory_unlock_shared($1) else false end

-- name: sessions_of
-- What a role has open here, each program once.
select distinct application_name, coalesce(host(client_addr), 'this machine') as client
from pg_stat_activity where datname = current_database() and usename = $1 order by 1, 2

-- name: hashes_at
-- What the log has at these sequences of a partition.
select sequence, hash from log where partition = $1 and sequence = any($2::bigint[]) order by sequence

-- name: begin_command
-- The command's mark; it may be there since one that was interrupted.
insert into recovering (command) values ($1) on conflict do nothing

-- name: end_command
-- The mark is taken away.
delete from recovering where command = $1

-- name: has_marks
-- Whether this database has a log that commands mend.
select to_regclass('recovering') is not null

-- name: unfinished
-- A command that has not ended.
select command from recovering limit 1
