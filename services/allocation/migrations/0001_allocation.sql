-- What allocation knows: the mentors of each pool, who has whom, who waits, and the counters given.
-- A pool is (tenant, gender). All of it can be rebuilt from the facts and the log of decisions.

insert into inbox (source, partition) select 'intake', generate_series(0, @partitions@ - 1);

create table mentors (
    tenant          text     not null,
    mentor_id       integer  not null,
    partition       smallint not null,
    version         integer  not null,
    gender          smallint not null,
    type            text     not null,
    capacity        integer  not null,
    active          boolean  not null,
    alias_code      text,
    manager_id      integer,
    manager_centers integer[],
    groups          integer[] not null,
    centers         integer[] not null,
    schools         integer[] not null,
    primary key (tenant, mentor_id)
);
create index mentors_by_partition on mentors (partition);

create table mentor_loads (
    tenant    text     not null,
    year      smallint not null,
    mentor_id integer  not null,
    partition smallint not null,
    load      integer  not null check (load >= 0),
    primary key (tenant, year, mentor_id)
);
create index mentor_loads_by_partition on mentor_loads (partition);

create table counters (
    tenant    text     not null,
    gender    smallint not null,
    year      smallint not null,
    partition smallint not null,
    last      smallint not null check (last between 0 and 9999),
    primary key (tenant, gender, year)
);

create table enrolments (
    tenant         text     not null,
    gender         smallint not null,
    student_id     uuid     not null,
    year           smallint not null,
    partition      smallint not null,
    version        integer  not null,
    arrival        bigint   not null,
    status         text     not null,
    mentor_id      integer,
    counter        text,
    edu_status     smallint not null,
    reg_center     integer  not null,
    reg_status     smallint not null,
    group_code     integer  not null,
    school_code    integer,
    student_type   smallint not null,
    policy         text     not null,
    reason         text     not null,
    funnel         json,
    cause_sequence bigint   not null,
    decided_at     text     not null,
    primary key (tenant, student_id, year, gender)
);
create index enrolments_by_mentor on enrolments (tenant, mentor_id, year, arrival) where mentor_id is not null;
create index enrolments_waiting on enrolments (partition, arrival) where status = 'waitlisted';

grant select, insert, update on mentors, mentor_loads, counters, enrolments to @role@;
