-- Whether an erasure's tombstones were sent once more, when no batch of keys that was read before it can be on its way.

alter table erasures add column settled boolean not null default false;
create index erasures_unsettled on erasures (tenant, subject) where not settled;
grant update (settled) on erasures to @role@;
