-- name: subject_keys
-- The wrapped keys of subjects whose records have to be published.
select k.tenant, k.subject, k.lookup, k.wrapped_key from subject_keys k
join unnest($1::text[], $2::text[]) as wanted (tenant, subject) using (tenant, subject)
