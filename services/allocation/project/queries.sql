-- name: mentors
-- The mentors of a partition's pools.
select tenant, mentor_id, version, type, capacity, active, alias_code, manager_id, manager_centers, groups,
    centers, schools
from mentors where partition = $1

-- name: loads
-- How many students each mentor has in each year.
select tenant, year, mentor_id, load from mentor_loads where partition = $1

-- name: counters
-- The last counter given in each year, and the mentor chosen last.
select tenant, year, last, last_mentor_id from counters where partition = $1

-- name: waiting
-- Who waits in a partition.
select tenant, year, student_id::text, version, arrival, status, mentor_id, counter, reg_center, group_code,
    reg_status, edu_status, school_code, student_type, reason, cause_sequence, decided_at, policy, partition
from enrolments where partition = $1 and status = 'waitlisted'

-- name: students
-- Every year of the named students in their pools.
select e.tenant, e.year, e.student_id::text, e.version, e.arrival, e.status, e.mentor_id, e.counter, e.reg_center,
    e.group_code, e.reg_status, e.edu_status, e.school_code, e.student_type, e.reason, e.cause_sequence,
    e.decided_at, e.policy, e.partition
from unnest($1::smallint[], $2::text[], $3::uuid[]) as wanted (partition, tenant, student_id)
join enrolments e on e.tenant = wanted.tenant and e.student_id = wanted.student_id
    and e.partition = wanted.partition

-- name: students_of_mentors
-- Every year of the students that the named mentors have in some year.
select e.tenant, e.year, e.student_id::text, e.version, e.arrival, e.status, e.mentor_id, e.counter, e.reg_center,
    e.group_code, e.reg_status, e.edu_status, e.school_code, e.student_type, e.reason, e.cause_sequence,
    e.decided_at, e.policy, e.partition
from (
    select distinct present.tenant, present.student_id, present.partition
    from unnest($1::smallint[], $2::text[], $3::integer[]) as wanted (partition, tenant, mentor_id)
    join enrolments present on present.tenant = wanted.tenant and present.mentor_id = wanted.mentor_id
        and present.partition = wanted.partition
) as student
join enrolments e on e.tenant = student.tenant and e.student_id = student.student_id
    and e.partition = student.partition

-- name: update_enrolments
-- The new state of rows that exist; a funnel stays as long as the student waits.
update enrolments set
    version = new.version, status = new.status, mentor_id = new.mentor_id, counter = new.counter,
    edu_status = new.edu_status, reg_center = new.reg_center, reg_status = new.reg_status,
    group_code = new.group_code, school_code = new.school_code, student_type = new.student_type,
    policy = new.policy, reason = new.reason,
    funnel = case when new.status = 'waitlisted' then coalesce(new.funnel, enrolments.funnel) end,
    cause_sequence = new.cause_sequence, decided_at = new.decided_at
from unnest(
    $1::text[], $2::smallint[], $3::uuid[], $4::smallint[], $5::smallint[], $6::integer[], $7::bigint[], $8::text[],
    $9::integer[], $10::text[], $11::smallint[], $12::integer[], $13::smallint[], $14::integer[], $15::integer[],
    $16::smallint[], $17::text[], $18::text[], $19::json[], $20::bigint[], $21::text[]
) as new (
    tenant, gender, student_id, year, partition, version, arrival, status, mentor_id, counter, edu_status,
    reg_center, reg_status, group_code, school_code, student_type, policy, reason, funnel, cause_sequence, decided_at
)
where enrolments.tenant = new.tenant and enrolments.student_id = new.student_id
  and enrolments.year = new.year and enrolments.gender = new.gender

-- name: give_counters
-- The counters of students who had none, in whatever years of theirs the batch did not touch.
update enrolments set counter = new.counter
from unnest($1::text[], $2::smallint[], $3::uuid[], $4::text[]) as new (tenant, gender, student_id, counter)
where enrolments.tenant = new.tenant and enrolments.student_id = new.student_id
  and enrolments.gender = new.gender and enrolments.counter is null

-- name: put_mentor
-- A mentor as its latest fact describes it.
insert into mentors (
    tenant, mentor_id, partition, version, gender, type, capacity, active, alias_code, manager_id,
    manager_centers, groups, centers, schools
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (tenant, mentor_id) do update set
    version = excluded.version, type = excluded.type, capacity = excluded.capacity, active = excluded.active,
    alias_code = excluded.alias_code, manager_id = excluded.manager_id, manager_centers = excluded.manager_centers,
    groups = excluded.groups, centers = excluded.centers, schools = excluded.schools
where excluded.version > mentors.version

-- name: put_loads
-- How many students the mentors of a batch have now.
insert into mentor_loads (tenant, year, mentor_id, partition, load)
select * from unnest($1::text[], $2::smallint[], $3::integer[], $4::smallint[], $5::integer[])
on conflict (tenant, year, mentor_id) do update set load = excluded.load

-- name: put_counters
-- The last counters given, and the mentors chosen last.
insert into counters (tenant, gender, year, partition, last, last_mentor_id)
select * from unnest($1::text[], $2::smallint[], $3::smallint[], $4::smallint[], $5::smallint[], $6::integer[])
on conflict (tenant, gender, year) do update set last = excluded.last, last_mentor_id = excluded.last_mentor_id
