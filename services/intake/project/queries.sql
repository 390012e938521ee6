-- name: put_student_years
-- The new state of students' years; an older version never replaces a newer one. Arrivals are kept by keep_arrivals.
insert into student_years (tenant, year, student_id, gender, edu_status, reg_center, reg_status, group_code,
    school_code, student_type, fingerprint, version, partition, sequence, is_withdrawn, arrival_female, arrival_male)
select * from unnest($1::text[], $2::smallint[], $3::uuid[], $4::smallint[], $5::smallint[], $6::integer[],
    $7::smallint[], $8::integer[], $9::integer[], $10::smallint[], $11::bytea[], $12::integer[], $13::smallint[],
    $14::bigint[], $15::boolean[], $16::bigint[], $17::bigint[])
on conflict (tenant, student_id, year) do update set gender = excluded.gender, edu_status = excluded.edu_status,
    reg_center = excluded.reg_center, reg_status = excluded.reg_status, group_code = excluded.group_code,
    school_code = excluded.school_code, student_type = excluded.student_type, fingerprint = excluded.fingerprint,
    version = excluded.version, partition = excluded.partition, sequence = excluded.sequence,
    is_withdrawn = excluded.is_withdrawn
where student_years.version < excluded.version

-- name: keep_arrivals
-- The first place of students' years in each pool, whatever version it comes with.
update student_years set arrival_female = least(student_years.arrival_female, new.arrival_female),
    arrival_male = least(student_years.arrival_male, new.arrival_male)
from unnest($1::text[], $2::smallint[], $3::uuid[], $4::bigint[], $5::bigint[])
    as new (tenant, year, student_id, arrival_female, arrival_male)
where student_years.tenant = new.tenant and student_years.student_id = new.student_id
  and student_years.year = new.year
  and (least(student_years.arrival_female, new.arrival_female), least(student_years.arrival_male, new.arrival_male))
      is distinct from (student_years.arrival_female, student_years.arrival_male)

-- name: withdraw_student_years
-- Students' years that ended, with the state that they had.
update student_years set is_withdrawn = true, version = new.version, partition = new.partition,
    sequence = new.sequence
from unnest($1::text[], $2::smallint[], $3::uuid[], $4::integer[], $5::smallint[], $6::bigint[])
    as new (tenant, year, student_id, version, partition, sequence)
where student_years.tenant = new.tenant and student_years.student_id = new.student_id
  and student_years.year = new.year and student_years.version < new.version
