-- name: change_student_years
-- The new state of students' years that are there already; an older version never replaces a newer one.
update student_years set gender = new.gender, edu_status = new.edu_status, reg_center = new.reg_center,
    reg_status = new.reg_status, group_code = new.group_code, school_code = new.school_code,
    student_type = new.student_type, fingerprint = new.fingerprint, version = new.version,
    partition = new.partition, sequence = new.sequence
from unnest($1::text[], $2::smallint[], $3::uuid[], $4::smallint[], $5::smallint[], $6::integer[],
            $7::smallint[], $8::integer[], $9::integer[], $10::smallint[], $11::bytea[], $12::integer[],
            $13::smallint[], $14::bigint[])
    as new (tenant, year, student_id, gender, edu_status, reg_center, reg_status, group_code, school_code,
            student_type, fingerprint, version, partition, sequence)
where student_years.tenant = new.tenant and student_years.student_id = new.student_id
  and student_years.year = new.year and student_years.version < new.version

-- name: change_mentor
-- The new state of a mentor who is there already.
update mentors set gender = $3, type = $4, capacity = $5, active = $6, alias_code = $7, manager_id = $8,
    manager_centers = $9, groups = $10, centers = $11, schools = $12, fingerprint = $13, version = $14,
    partition = $15, sequence = $16
where tenant = $1 and mentor_id = $2 and version < $14

-- name: put_manager
-- A manager's present state.
insert into managers (tenant, manager_id, is_active, centers, fingerprint, version, partition, sequence)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (tenant, manager_id) do update set is_active = excluded.is_active, centers = excluded.centers,
    fingerprint = excluded.fingerprint, version = excluded.version, partition = excluded.partition,
    sequence = excluded.sequence
where managers.version < excluded.version

-- name: put_roster
-- A year's special schools.
insert into school_rosters (tenant, year, school_codes, version, partition, sequence)
values ($1, $2, $3, $4, $5, $6)
on conflict (tenant, year) do update set school_codes = excluded.school_codes, version = excluded.version,
    partition = excluded.partition, sequence = excluded.sequence
where school_rosters.version < excluded.version
