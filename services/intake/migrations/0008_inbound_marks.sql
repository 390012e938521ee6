-- How far each partition of rahnama.inbound was applied some while ago: up to there its records may be deleted.

create table inbound_marks (
    partition   smallint    primary key,
    next_offset bigint      not null,
    digest      bytea       not null,
    marked_at   timestamptz not null
);
grant select, insert, update on inbound_marks to @role@;
