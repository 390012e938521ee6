-- name: lock_student
-- A student who is known, locked.
select gender, version from students where tenant = $1 and student_id = $2 for update

-- name: enrolled_years
-- The years of a student that have not ended.
select year from student_years where tenant = $1 and student_id = $2 and not is_withdrawn order by year

-- name: sealed_last
-- A student's key and its last fact with personal data.
select k.wrapped_key, log.value from subject_keys k join log using (tenant, subject)
where k.tenant = $1 and k.subject = $2 and log.type = 'rahnama.intake.student.registered.v1'
order by log.version desc limit 1

-- name: erased_at
-- Where the log says that a student is erased.
select partition, sequence from erasures where tenant = $1 and subject = $2
