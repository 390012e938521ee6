-- name: subject_keys
-- The wrapped keys of subjects whose records have to be published.
select k.tenant, k.subject, k.lookup, k.wrapped_key from subject_keys k
join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)

-- name: subjects_from_elsewhere
-- Whose version before these is in another partition, or lost: they moved, and nothing says that theirs was published.
select distinct sent.tenant, sent.subject
from unnest($1::text[], $2::text[], $3::integer[]) as sent (tenant, subject, version)
left join log on log.tenant = sent.tenant and log.subject = sent.subject and log.version = sent.version - 1
where log.partition is distinct from $4

-- name: erased_subjects
-- Which of these subjects are erased.
select e.tenant, e.subject from erasures e
join unnest($1::text[], $2::text[]) as sent (tenant, subject) using (tenant, subject)

-- name: anchors
-- The record by which each partition of rahnama.keys is known again, and where its log stands.
select h.partition, h.sequence, a.record_offset, a.digest
from log_head h left join key_anchors a using (partition) order by h.partition

-- name: put_anchor
-- A partition of rahnama.keys holds every key; by this record it is known again.
insert into key_anchors (partition, record_offset, digest) values ($1, $2, $3)
on conflict (partition) do update set record_offset = excluded.record_offset, digest = excluded.digest

-- name: keyed_subjects
-- The subjects whose first fact is in a partition behind a sequence, and who have a key, in the order of the log.
select log.sequence, k.tenant, k.subject
from log join subject_keys k using (tenant, subject)
where log.partition = $1 and log.sequence > $2 and log.version = 1
order by log.sequence limit $3

-- name: erased_in
-- Who was erased, of two partitions, in the order of the log.
select partition, sequence, tenant, subject from erasures
where partition = any($1) and (partition, sequence) > ($2, $3) order by partition, sequence limit $4

-- name: unpublished_rejections
-- What was refused and not yet told to rahnama.rejections, in the order in which it came.
select rejection_id::text as rejection_id, tenant, causation_id, type, errors, door, inbound_partition,
       inbound_offset, received_at, centers
from rejections where not published order by rejection_id limit $1

-- name: rejections_published
-- TopicFact, and acknowledged by Kafka; locked by id, as by an erasure.
with told as (
    select rejection_id from rejections where rejection_id = any($1::uuid[]) order by rejection_id for update
)
update rejections set published = true from told where rejections.rejection_id = told.rejection_id

-- name: unsettled_erasures
-- Who was erased, and whose tombstones have to be sent once more.
select tenant, subject from erasures where settled = false order by tenant, subject limit $1

-- name: settle_erasures
-- Their tombstones were sent once more.
update erasures set settled = true from unnest($1::text[], $2::text[]) as new (tenant, subject)
where erasures.tenant = new.tenant and erasures.subject = new.subject
