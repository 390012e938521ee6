-- name: forget_students
-- Destroys the keys of students and all that tells of them; the look-ups (HMAC of the national ID) that they had.
with gone as (
    select * from unnest($1::text[], $2::uuid[]) as gone (tenant, student_id)
), years as (
    delete from student_years using gone
    where student_years.tenant = gone.tenant and student_years.student_id = gone.student_id
), known as (
    delete from students using gone
    where students.tenant = gone.tenant and students.student_id = gone.student_id
    returning students.lookup
), keys as (
    delete from subject_keys using gone
    where subject_keys.tenant = gone.tenant and subject_keys.subject = 'student/' || gone.student_id
    returning subject_keys.lookup
)
select lookup from known union select lookup from keys where lookup is not null

-- name: forget_rejections
-- Destroys what was refused of these people, and what it was found by; locked by id, as by whoever tells of them.
with found as (
    select rejection_id from rejections where lookup = any($1::bytea[]) order by rejection_id for update
)
update rejections set wrapped_key = null, sealed = null, lookup = null
from found where rejections.rejection_id = found.rejection_id

-- name: keep_erasures
-- Where the log says of each that it is erased; this outlives the student's rows.
insert into erasures (tenant, subject, partition, sequence)
select * from unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[]) on conflict do nothing

-- name: erased_students
-- Every student who was erased.
select tenant, substr(subject, length('student/') + 1) as student_id from erasures
