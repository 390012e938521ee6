-- name: allocations
-- A page of a tenant's enrolments of a year, the newest version of each student; centres limit an operator.
select student_id::text, year, status, mentor_id, counter, policy, reason, version, partition, cause_sequence,
    decided_at
from (
    select distinct on (student_id) * from enrolments
    where tenant = $1 and year = $2 and ($3::uuid is null or student_id > $3)
    order by student_id, version desc
) as newest
where ($4::integer[] is null or reg_center = any($4)) and ($5::text is null or status = $5)
order by newest.student_id
limit $6

-- name: allocation
-- One student's enrolments, newest year first; a student that moved between pools shows its newest version.
select student_id::text, year, status, mentor_id, counter, policy, reason, version, partition, cause_sequence,
    decided_at
from (
    select distinct on (year) * from enrolments
    where tenant = $1 and student_id = $2 and ($3::smallint is null or year = $3)
    order by year desc, version desc
) as newest
where $4::integer[] is null or reg_center = any($4)
order by year desc

-- name: waitlist
-- Who waits in a year, and why, in the order of arrival within each pool; nobody of whom the other pool knows newer.
select student_id::text, year, gender, arrival, reason, funnel::text, group_code, reg_center, reg_status,
    edu_status, school_code, student_type, status, mentor_id, counter, policy, version, partition, cause_sequence,
    decided_at
from enrolments e
where tenant = $1 and ($2::smallint is null or year = $2) and status = 'waitlisted'
  and (partition, arrival) > ($3::smallint, $4::bigint)
  and ($5::integer[] is null or reg_center = any($5))
  and not exists (
      select from enrolments newer
      where newer.tenant = e.tenant and newer.student_id = e.student_id and newer.year = e.year
        and newer.version > e.version
  )
order by partition, arrival
limit $6

-- name: mentors
-- A page of a tenant's mentors with their load in a year; centres limit an operator.
select m.mentor_id, m.gender, m.type, m.capacity, coalesce(l.load, 0) as load, m.active, m.alias_code,
    m.manager_id, m.manager_centers, m.groups, m.centers, m.schools, m.version
from mentors m left join mentor_loads l on l.tenant = m.tenant and l.mentor_id = m.mentor_id and l.year = $2
where m.tenant = $1 and m.mentor_id > $3 and ($4::integer is null or m.mentor_id = $4)
  and ($5::integer[] is null or m.centers && $5)
order by m.mentor_id
limit $6

-- name: mentor_students
-- The students that a mentor has, in the order of arrival; nobody of whom the other pool knows newer.
select student_id::text, year, status, mentor_id, counter, policy, reason, version, partition, cause_sequence,
    decided_at, arrival
from enrolments e
where tenant = $1 and mentor_id = $2 and ($3::smallint is null or year = $3) and (year, arrival) > ($4::smallint, $5::bigint)
  and ($6::integer[] is null or reg_center = any($6))
  and not exists (
      select from enrolments newer
      where newer.tenant = e.tenant and newer.student_id = e.student_id and newer.year = e.year
        and newer.version > e.version
  )
order by year, arrival
limit $7

-- name: students_by_status
-- How many of a year's students have which status, and why; one that moved between pools counts once.
select status, reason, count(*) as students
from (
    select distinct on (student_id) student_id, status, reason, reg_center from enrolments
    where tenant = $1 and year = $2
    order by student_id, version desc
) as newest
where $3::integer[] is null or reg_center = any($3)
group by status, reason order by status, reason

-- name: occupancy
-- How full the active mentors of a year are; and who has students without a place for them, which counts no capacity.
select m.mentor_id, case when m.active then m.capacity else 0 end as capacity, coalesce(l.load, 0) as load
from mentors m left join mentor_loads l on l.tenant = m.tenant and l.mentor_id = m.mentor_id and l.year = $2
where m.tenant = $1 and (m.active and m.capacity > 0 or l.load > 0) and ($3::integer[] is null or m.centers && $3)
order by m.mentor_id

-- name: mentor_exists
-- Whether a caller may see a mentor.
select exists (
    select from mentors
    where tenant = $1 and mentor_id = $2 and ($3::integer[] is null or centers && $3)
)

-- name: log_positions
-- Where each partition of the own log ends, and what is known to be on the topic.
select partition, log_head.sequence as last, log_published.sequence as published
from log_head join log_published using (partition) order by partition

-- name: log_end
-- Where one partition of the own log ends.
select sequence from log_head where partition = $1

-- name: applied
-- How far one partition of a source was applied.
select sequence from inbox where source = $1 and partition = $2
