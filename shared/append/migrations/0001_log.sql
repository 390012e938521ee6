-- The log: dense and chained per partition. The service's own role may add to it, never change it.

create table installation (
    only_row   boolean primary key default true check (only_row),
    partitions smallint not null
);
insert into installation (partitions) values (@partitions@);

create table log (
    partition    smallint    not null,
    sequence     bigint      not null,
    type         text        not null,
    tenant       text        not null,
    subject      text        not null,
    version      integer,
    value        bytea       not null,
    hash         bytea       not null,
    causation_id text        not null,
    traceparent  text,
    recorded_at  timestamptz not null default clock_timestamp(),
    primary key (partition, sequence)
);

create table log_head (
    partition smallint primary key,
    sequence  bigint   not null default 0,
    hash      bytea    not null default decode(repeat('00', 32), 'hex'),
    time      text     not null default ''
);
insert into log_head (partition) select generate_series(0, @partitions@ - 1);

-- How far the relay has published each partition: a lower bound, written a little later than the fact.
create table log_published (
    partition smallint primary key,
    sequence  bigint   not null default 0
);
insert into log_published (partition) select generate_series(0, @partitions@ - 1);

grant select on installation to @role@;
grant select, insert on log to @role@;
grant select, update on log_head, log_published to @role@;
