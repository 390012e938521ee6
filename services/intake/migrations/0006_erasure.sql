-- Who was erased, and where the log says so; what an erasure may take away.

create table erasures (
    tenant    text     not null,
    subject   text     not null,
    partition smallint not null,
    sequence  bigint   not null,
    primary key (tenant, subject)
);

grant select, insert on erasures to @role@;
grant delete on students, student_years, subject_keys to @role@;
grant update (wrapped_key, sealed, lookup) on rejections to @role@;
