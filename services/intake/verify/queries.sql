-- name: erasures
-- Where the log erases whom: the replay knows of every erasure before it reads the first fact.
insert into erasures (tenant, subject, partition, sequence)
select tenant, subject, partition, sequence from public.log where type = $1 on conflict do nothing

-- name: erased_among
-- Which of these subjects the log erases.
select tenant, subject from erasures
join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)

-- name: served_keys
-- The keys of these subjects as the database has them.
select k.tenant, k.subject, k.wrapped_key from public.subject_keys k
join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)

-- name: put_keys
-- Keys that opened what is sealed under them, with the look-ups that follow from it.
insert into subject_keys (tenant, subject, lookup, wrapped_key)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) on conflict do nothing

-- name: put_students
-- Who is who, by what was sealed of them; an older version never replaces a newer one.
insert into students (lookup, tenant, student_id, gender, version)
select * from unnest($1::bytea[], $2::text[], $3::uuid[], $4::smallint[], $5::integer[])
on conflict (lookup) do update set gender = excluded.gender, version = excluded.version
where students.version < excluded.version

-- name: move_students
-- Newer versions of students who are known by an earlier page.
update students set gender = new.gender, version = new.version
from unnest($1::text[], $2::uuid[], $3::smallint[], $4::integer[]) as new (tenant, student_id, gender, version)
where students.tenant = new.tenant and students.student_id = new.student_id and students.version < new.version
