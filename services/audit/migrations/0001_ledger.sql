-- The ledger: every fact and decision as its exact bytes, for ever. The service's own role may add to it, never
-- change it. Beside the primary key one index only: each costs time on every record, and these are what is asked.

create table installation (
    only_row   boolean primary key default true check (only_row),
    partitions smallint not null
);
insert into installation (partitions) values (@partitions@);

create table ledger (
    source             text        not null,
    partition          smallint    not null,
    sequence           bigint      not null,
    type               text        not null,
    tenant             text        not null,
    subject            text        not null,
    time               timestamptz not null,
    value              bytea       not null,
    hash               bytea       not null,
    traceparent        text,
    topic              text        not null,
    kafka_offset       bigint      not null,
    kafka_timestamp_ms bigint      not null,
    recorded_at        timestamptz not null default clock_timestamp(),
    primary key (source, partition, sequence)
);
create index ledger_subject on ledger (subject, tenant);

-- The right edge of each tree (RFC 6962): the hashes of its perfect subtrees, largest first, 32 bytes each.
create table trees (
    source    text     not null,
    partition smallint not null,
    size      bigint   not null default 0,
    edge      bytea    not null default '',
    primary key (source, partition)
);

insert into trees (source, partition)
    select source, partition from unnest(array['intake', 'allocation']) as source,
        generate_series(0, @partitions@ - 1) as partition;
insert into inbox (source, partition) select source, partition from trees;

grant select on installation to @role@;
grant select, insert on ledger to @role@;
grant select, update on trees to @role@;
