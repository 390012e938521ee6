-- By which record each partition of rahnama.keys is known again: if it is not there, the keys are sent again.

create table key_anchors (
    partition     smallint primary key,
    record_offset bigint   not null,
    digest        bytea    not null
);
grant select, insert, update on key_anchors to @role@;
