-- What was applied of each (source, partition): the sequence and the hash of its last event.

create table inbox (
    source    text     not null,
    partition smallint not null,
    sequence  bigint   not null default 0,
    hash      bytea    not null default decode(repeat('00', 32), 'hex'),
    primary key (source, partition)
);

grant select, insert, update on inbox to @role@;
