-- A command that mends the log was begun and has not ended whole: its row is written first and removed last.

create table recovering (
    command  text        primary key,
    begun_at timestamptz not null default now()
);

grant select on recovering to @role@;
