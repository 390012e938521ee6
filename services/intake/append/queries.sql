-- name: lock_references
-- The tenants' reference locks, in the order given: exclusive for what others are decided by, else shared.
select count(case when asked.exclusive then pg_advisory_xact_lock($1, asked.tenant)::text
                  else pg_advisory_xact_lock_shared($1, asked.tenant)::text end)
from unnest($2::integer[], $3::boolean[]) as asked (tenant, exclusive)

-- name: known_events
-- The answers that were given to these events.
select key, digest, status, subject, facts, errors, rejection_id from idempotency where key = any($1::bytea[])

-- name: lock_students
-- The students who are known, locked in the order of their look-ups.
select lookup, student_id::text as student_id, gender, version from students
where lookup = any($1::bytea[]) order by lookup for update

-- name: student_years
-- Every year of the known students.
select student_id::text as student_id, year, edu_status, reg_center, reg_status, group_code, school_code,
       student_type, fingerprint
from student_years where tenant = $1 and student_id = any($2::uuid[])

-- name: move_students
-- The versions of the known students after the batch.
update students set version = new.version, gender = new.gender
from unnest($1::bytea[], $2::integer[], $3::smallint[]) as new (lookup, version, gender)
where students.lookup = new.lookup

-- name: lock_mentors
-- The mentors who are known, locked in the order of their ids.
select mentor_id, version, gender, type, capacity, active, alias_code, manager_id, manager_centers, groups,
       centers, schools, fingerprint
from mentors where tenant = $1 and mentor_id = any($2::bigint[]) order by mentor_id for update

-- name: managers
-- The managers that a batch names.
select manager_id, version, is_active, centers, fingerprint from managers
where tenant = $1 and manager_id = any($2::bigint[])

-- name: rosters
-- The special schools of the years that a batch names.
select year, version, school_codes from school_rosters where tenant = $1 and year = any($2::smallint[])

-- name: mentors_of
-- Which mentors are registered with these managers.
select manager_id, mentor_id from mentors where tenant = $1 and manager_id = any($2::bigint[])

-- name: schools_of
-- How many of a year's students name each school.
select year, school_code, count(*) as students from student_years
where tenant = $1 and year = any($2::smallint[]) and school_code is not null
group by year, school_code

-- name: subject_keys
-- The data keys of subjects that come again with other personal data.
select subject, wrapped_key from subject_keys where tenant = $1 and subject = any($2::text[])
