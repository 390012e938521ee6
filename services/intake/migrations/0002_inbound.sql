-- How far rahnama.inbound was applied: the next offset, and the digest of the record before it.

create table inbound (
    partition   smallint primary key,
    next_offset bigint   not null default 0,
    digest      bytea    not null default decode(repeat('00', 32), 'hex')
);
insert into inbound (partition) select generate_series(0, @partitions@ - 1);

grant select, update on inbound to @role@;
