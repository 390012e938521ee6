-- name: students
-- A page of students' years; null filters let everything through. The year is a range, which the index serves.
select year, student_id, case when is_withdrawn then 'withdrawn' else 'registered' end as status, gender, edu_status,
       reg_center, reg_status, group_code, school_code, student_type, version, partition, sequence
from student_years
where tenant = $1
  and (year, student_id) > ($2::smallint, $3::uuid)
  and year between coalesce($4::smallint, 0) and coalesce($4::smallint, 32767)
  and ($5::smallint is null or gender = $5)
  and ($6::integer is null or reg_center = $6)
  and ($7::integer is null or group_code = $7)
  and ($8::integer[] is null or reg_center = any($8))
order by year, student_id
limit $9

-- name: student
-- One student's years, the latest first.
select year, student_id, case when is_withdrawn then 'withdrawn' else 'registered' end as status, gender, edu_status,
       reg_center, reg_status, group_code, school_code, student_type, version, partition, sequence
from student_years
where tenant = $1 and student_id = $2
  and ($3::smallint is null or year = $3)
  and ($4::integer[] is null or reg_center = any($4))
order by year desc

-- name: student_of_lookup
-- One year of the student behind a look-up (HMAC of the national ID): always one row, with nulls for a student who is
-- absent or of another centre. Both tables are searched in each case, so that the time does not tell which it is.
select y.year, y.student_id, case when y.is_withdrawn then 'withdrawn' else 'registered' end as status, y.gender,
       y.edu_status, y.reg_center, y.reg_status, y.group_code, y.school_code, y.student_type, y.version, y.partition,
       y.sequence
from (select $1::bytea as lookup) as asked
left join students s on s.lookup = asked.lookup and s.tenant = $2
left join student_years y
    on y.tenant = $2 and y.student_id = coalesce(s.student_id, '00000000-0000-0000-0000-000000000000')
    and y.year = $3::smallint and ($4::integer[] is null or y.reg_center = any($4))

-- name: mentors
-- A page of mentors.
select mentor_id, gender, type, capacity, active, alias_code, manager_id, manager_centers, groups, centers,
       schools, version, partition, sequence
from mentors
where tenant = $1 and mentor_id > $2
  and ($3::boolean is null or active = $3)
  and ($4::bigint is null or manager_id = $4)
  and ($5::integer[] is null or centers && $5)
order by mentor_id limit $6

-- name: mentor
-- One mentor.
select mentor_id, gender, type, capacity, active, alias_code, manager_id, manager_centers, groups, centers,
       schools, version, partition, sequence
from mentors where tenant = $1 and mentor_id = $2 and ($3::integer[] is null or centers && $3)

-- name: managers
-- A page of managers.
select manager_id, is_active, centers, version, partition, sequence from managers
where tenant = $1 and manager_id > $2 and ($3::integer[] is null or centers && $3)
order by manager_id limit $4

-- name: manager
-- One manager.
select manager_id, is_active, centers, version, partition, sequence from managers
where tenant = $1 and manager_id = $2 and ($3::integer[] is null or centers && $3)

-- name: rosters
-- A page of the years that have a roster.
select year, cardinality(school_codes) as schools, version, partition, sequence from school_rosters
where tenant = $1 and year > $2 order by year limit $3

-- name: roster
-- One year's special schools.
select year, school_codes, version, partition, sequence from school_rosters where tenant = $1 and year = $2

-- name: rejections
-- A page of what was refused.
select rejection_id, status, causation_id, type, errors, door, inbound_partition, inbound_offset, received_at
from rejections
where tenant = any($1::text[]) and rejection_id > $2 and ($3::text is null or status = $3)
  and ($4::integer[] is null or centers && $4)
order by rejection_id limit $5

-- name: rejection
-- One refusal.
select rejection_id, status, causation_id, type, errors, door, inbound_partition, inbound_offset, received_at
from rejections
where tenant = any($1::text[]) and rejection_id = $2 and ($3::integer[] is null or centers && $3)

-- name: inbound
-- The next offset of one partition of rahnama.inbound.
select next_offset from inbound where partition = $1
