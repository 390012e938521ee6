-- name: put_keys
-- The keys that the topic tells and this database has not.
insert into subject_keys (tenant, subject, lookup, wrapped_key)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) on conflict do nothing

-- name: drop_unused_keys
-- Keys whose subject never came into the log: its facts were lost before anybody saw them.
delete from subject_keys k
where not exists (select from log where log.tenant = k.tenant and log.subject = k.subject)

-- name: unused_keys
-- Keys whose subject is in no fact of the log.
select tenant, subject from subject_keys k
where not exists (select from log where log.tenant = k.tenant and log.subject = k.subject)
order by tenant, subject

-- name: rejections_of
-- How many rejections still have content that names these subjects.
select count(*) from rejections where sealed is not null and lookup in (
    select k.lookup from subject_keys k
    join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)
)

-- name: forget_anchors
-- No partition of rahnama.keys is known: the service sends every key again.
delete from key_anchors

-- name: keys_of
-- The keys of these subjects.
select tenant, subject, lookup, wrapped_key from subject_keys
join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)

-- name: erased
-- Which of these students the log says are erased.
select tenant, subject from erasures

-- name: move_head
-- A partition's new end, if it stood where the events that were added begin.
update log_head set sequence = $2, hash = $3, time = $4 where partition = $1 and sequence = $5
returning partition

-- name: put_students
-- Who is who again; an older version never replaces a newer one.
insert into students (lookup, tenant, student_id, gender, version)
select k.lookup, new.tenant, new.student_id, new.gender, new.version
from unnest($1::text[], $2::uuid[], $3::smallint[], $4::integer[]) as new (tenant, student_id, gender, version)
join subject_keys k on k.tenant = new.tenant and k.subject = 'student/' || new.student_id
on conflict (lookup) do update set gender = excluded.gender, version = excluded.version
where students.version < excluded.version

-- name: change_answers
-- Answers of events that have led to further facts.
update idempotency set facts = new.facts, reissued = new.reissued
from unnest($1::bytea[], $2::text[], $3::integer[]) as new (key, facts, reissued)
where idempotency.key = new.key

-- name: values_at
-- What the log has at these places.
select partition, sequence, value from log
join unnest($1::smallint[], $2::bigint[]) as wanted (partition, sequence) using (partition, sequence)

-- name: all_keys
-- Every subject that has a key.
select tenant, subject from subject_keys

-- name: some_keys
-- A few wrapped keys, to try the master key on.
select wrapped_key from subject_keys limit $1

-- name: known_rejections
-- Which of these rejections are kept.
select rejection_id::text as rejection_id from rejections where rejection_id = any($1::uuid[])

-- name: registered_without_withdrawal
-- Registrations before which a version of the student is missing: it stood in another partition.
select tenant, subject, causation_id, value, traceparent from log
where type = $1 and version > 1 and not exists (
    select from log before
    where before.tenant = log.tenant and before.subject = log.subject and before.version = log.version - 1
)
order by tenant, subject, version

-- name: withdrawn_at_last
-- Withdrawals that are not followed by the student's next version, of everyone who is not erased.
-- is_followed: later events have changed the student since.
select tenant, subject, version, causation_id, value, traceparent,
       exists (select from log behind
               where behind.tenant = log.tenant and behind.subject = log.subject
                 and behind.version > log.version and behind.causation_id <> log.causation_id) as is_followed
from log
where type = $1 and not exists (
    select from log behind
    where behind.tenant = log.tenant and behind.subject = log.subject and behind.version = log.version + 1
) and exists (select from subject_keys k where k.tenant = log.tenant and k.subject = log.subject)
order by tenant, subject, version

-- name: take_answers_back
-- Events that are to be decided anew.
delete from idempotency where key = any($1::bytea[])

-- name: mentors_apart
-- Mentors who have not the centres of their manager.
select m.tenant, m.mentor_id from mentors m left join managers g using (tenant, manager_id)
where m.manager_id is not null
  and m.manager_centers is distinct from case when g.is_active then g.centers else '{}' end
order by m.tenant, m.mentor_id

-- name: students_apart
-- The years whose students are not of the type that the roster says, and how many these are.
select y.tenant, y.year, count(*) as students from student_years y left join school_rosters r using (tenant, year)
where not y.is_withdrawn
  and coalesce(y.school_code = any(r.school_codes), false) <> (y.student_type = 1)
group by y.tenant, y.year order by y.tenant, y.year

-- name: students_without_key
-- Students of whom the log tells, who have no key, and are not erased as far as it says.
select distinct tenant, subject from log
where type = $1
  and not exists (select from subject_keys k where k.tenant = log.tenant and k.subject = log.subject)
  and not exists (select from erasures e where e.tenant = log.tenant and e.subject = log.subject)
order by tenant, subject

-- name: facts_of
-- A subject's facts in the order of their versions.
select partition, sequence, type, value from log where tenant = $1 and subject = $2 order by version
