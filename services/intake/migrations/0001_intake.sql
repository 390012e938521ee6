-- What intake knows: who is who, the present state of everyone, what was answered, and what was refused.

-- Two writers can never both build on the same state of a subject.
create unique index log_subject_version on log (tenant, subject, version);

-- Every event id that was ever answered, and the answer. key: HMAC of source and id; digest: of the content.
create table idempotency (
    key          bytea       primary key,
    digest       bytea       not null,
    status       text        not null check (status in ('accepted', 'unchanged', 'rejected')),
    subject      text,
    facts        text        not null,
    errors       text,
    rejection_id uuid,
    recorded_at  timestamptz not null default now()
);

-- The only place where a pseudonym meets a (keyed hash of a) national ID. Erasure deletes the row.
create table students (
    lookup     bytea    primary key,
    tenant     text     not null,
    student_id uuid     not null,
    gender     smallint not null,
    version    integer  not null
);
create unique index students_by_id on students (tenant, student_id);

-- The subjects' own data keys, wrapped. Erasure deletes the row, and what was sealed under it is lost.
create table subject_keys (
    tenant      text  not null,
    subject     text  not null,
    lookup      bytea,
    wrapped_key bytea not null,
    primary key (tenant, subject)
);

-- One row per student and year: the present state, without personal data.
create table student_years (
    tenant       text     not null,
    year         smallint not null,
    student_id   uuid     not null,
    gender       smallint not null,
    edu_status   smallint not null,
    reg_center   integer  not null,
    reg_status   smallint not null,
    group_code   integer  not null,
    school_code  integer,
    student_type smallint not null,
    fingerprint  bytea    not null,
    version      integer  not null,
    partition    smallint not null,
    sequence     bigint   not null,
    primary key (tenant, student_id, year)
);
create index student_years_by_year on student_years (tenant, year, student_id);
create index student_years_by_school on student_years (tenant, year, school_code) where school_code is not null;

create table mentors (
    tenant      text     not null,
    mentor_id   bigint   not null,
    gender      smallint not null,
    type        text     not null,
    capacity    integer  not null,
    active      boolean  not null,
    alias_code  text,
    manager_id  bigint,
    manager_centers integer[],
    groups      integer[] not null,
    centers     integer[] not null,
    schools     integer[] not null,
    fingerprint bytea    not null,
    version     integer  not null,
    partition   smallint not null,
    sequence    bigint   not null,
    primary key (tenant, mentor_id)
);

create index mentors_by_manager on mentors (tenant, manager_id);

create table managers (
    tenant      text     not null,
    manager_id  bigint   not null,
    is_active   boolean  not null,
    centers     integer[] not null,
    fingerprint bytea    not null,
    version     integer  not null,
    partition   smallint not null,
    sequence    bigint   not null,
    primary key (tenant, manager_id)
);

create table school_rosters (
    tenant       text     not null,
    year         smallint not null,
    school_codes integer[] not null,
    version      integer  not null,
    partition    smallint not null,
    sequence     bigint   not null,
    primary key (tenant, year)
);

-- What was refused. The event itself is sealed under a key of its own; the rest never holds personal data.
create table rejections (
    rejection_id uuid        primary key,
    tenant       text        not null,
    causation_id text        not null,
    type         text,
    errors       text        not null,
    status       text        not null default 'open',
    door         text        not null check (door in ('http', 'kafka')),
    inbound_partition smallint,
    inbound_offset    bigint,
    lookup       bytea,
    wrapped_key  bytea,
    sealed       text,
    received_at  timestamptz not null
);
create index rejections_by_tenant on rejections (tenant, rejection_id);
create index rejections_by_lookup on rejections (lookup) where lookup is not null;

grant select, insert on idempotency, rejections to @role@;
grant select, insert, update on students, student_years, mentors, managers, school_rosters to @role@;
grant select, insert on subject_keys to @role@;
