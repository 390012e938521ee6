-- name: lock_references
-- The tenants' reference locks, in the order given: exclusive for what others are decided by, else shared.
select count(case when asked.exclusive then pg_advisory_xact_lock($1, asked.tenant)::text
                  else pg_advisory_xact_lock_shared($1, asked.tenant)::text end)
from unnest($2::integer[], $3::boolean[]) as asked (tenant, exclusive)

-- name: known_events
-- The answers that were given to these events.
select key, digest, status, subject, facts, errors, rejection_id, reissued from idempotency where key = any($1::bytea[])

-- name: lock_students
-- The students who are known, locked in the order of their look-ups.
select lookup, student_id::text as student_id, gender, version from students
where lookup = any($1::bytea[]) order by lookup for update

-- name: students_known_by_now
-- Which of these look-ups have a student, as of this statement.
select lookup from students where lookup = any($1::bytea[])

-- name: student_years
-- Every year of the known students.
select student_id::text as student_id, year, edu_status, reg_center, reg_status, group_code, school_code,
       student_type, fingerprint, is_withdrawn
from student_years where tenant = $1 and student_id = any($2::uuid[])

-- name: move_students
-- The versions of the known students after the batch.
update students set version = new.version, gender = new.gender
from unnest($1::bytea[], $2::integer[], $3::smallint[]) as new (lookup, version, gender)
where students.lookup = new.lookup

-- name: lock_mentors
-- The mentors who are known, and those of these managers, locked in the order of their ids.
select mentor_id, version, gender, type, capacity, active, alias_code, manager_id, manager_centers, groups,
       centers, schools, fingerprint
from mentors
where tenant = $1 and (mentor_id = any($2::bigint[]) or manager_id = any($3::bigint[]))
order by mentor_id for update

-- name: managers
-- The managers that a batch names.
select manager_id, version, is_active, centers, fingerprint from managers
where tenant = $1 and manager_id = any($2::bigint[])

-- name: school_rosters
-- The special schools of the years that a batch names.
select year, version, school_codes from school_rosters where tenant = $1 and year = any($2::smallint[])

-- name: students_to_rederive
-- A year's students whose type is not what the roster's schools say, in the order of their arrival in their pool.
select y.student_id::text as student_id, y.gender, y.edu_status, y.reg_center, y.reg_status, y.group_code,
       y.school_code, y.student_type, y.fingerprint, s.version
from student_years y join students s using (tenant, student_id)
where y.tenant = $1 and y.year = $2 and not y.is_withdrawn and y.school_code is not null
  and (y.school_code = any($3::integer[])) <> (y.student_type = 1)
order by y.gender, case y.gender when 0 then y.arrival_female else y.arrival_male end

-- name: move_student_versions
-- The versions of students who were reissued.
update students set version = new.version
from unnest($2::uuid[], $3::integer[]) as new (student_id, version)
where students.tenant = $1 and students.student_id = new.student_id

-- name: student_envelopes
-- The last facts of students' years, whose envelopes go into their next ones.
select 'student/' || wanted.student_id as subject, wanted.year, log.value
from unnest($2::uuid[], $3::smallint[]) as wanted (student_id, year)
join student_years y on y.tenant = $1 and y.student_id = wanted.student_id and y.year = wanted.year
join log on log.partition = y.partition and log.sequence = y.sequence

-- name: mentor_envelopes
-- The last facts of mentors, whose envelopes go into their next ones.
select 'mentor/' || m.mentor_id as subject, log.value
from mentors m join log on log.partition = m.partition and log.sequence = m.sequence
where m.tenant = $1 and m.mentor_id = any($2::bigint[])

-- name: subject_keys
-- The data keys of subjects that come again with other personal data.
select subject, wrapped_key from subject_keys where tenant = $1 and subject = any($2::text[])
