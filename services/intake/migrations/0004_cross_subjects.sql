-- Students leave pools and come back; a roster's reissues go by arrival; answers count facts about others.

-- arrival_…: the sequence of the year's first fact in that pool, kept whatever happens later; null: it was never there.
alter table student_years
    add column is_withdrawn   boolean not null default false,
    add column arrival_female bigint,
    add column arrival_male   bigint;

update student_years set
    arrival_female = case gender when 0 then first.sequence end,
    arrival_male = case gender when 1 then first.sequence end
from (
    select tenant, subject, (convert_from(value, 'UTF8')::jsonb #>> '{data,year}')::smallint as year, partition,
           min(sequence) as sequence
    from log where type = 'rahnama.intake.student.registered.v1' group by 1, 2, 3, 4
) as first
where first.tenant = student_years.tenant and first.subject = 'student/' || student_years.student_id
  and first.year = student_years.year and first.partition = student_years.partition;

alter table idempotency add column reissued integer;
