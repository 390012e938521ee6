-- The hashes of what was applied last, for consumers that keep no ledger: an event that comes again is compared with
-- them. One row a batch: `hashes` are 32 bytes for each event, and `last` is the sequence of the last of them.

create table inbox_hashes (
    source    text     not null,
    partition smallint not null,
    last      bigint   not null,
    hashes    bytea    storage external not null,
    primary key (source, partition, last)
);

grant select, insert, update, delete on inbox_hashes to @role@;
