-- Databases older than the column take the mentor of each year's latest assignment from their own log.

insert into counters (tenant, gender, year, partition, last, last_mentor_id)
select distinct on (tenant, partition, year) tenant, partition % 2, year, partition, 0, mentor_id
from (
    select tenant, partition, sequence,
           (convert_from(value, 'UTF8')::jsonb #>> '{data,year}')::smallint as year,
           (convert_from(value, 'UTF8')::jsonb #>> '{data,mentor_id}')::integer as mentor_id
    from log where type = 'rahnama.allocation.student.assigned.v1'
) as assigned
order by tenant, partition, year, sequence desc
on conflict (tenant, gender, year) do update set last_mentor_id = excluded.last_mentor_id;
