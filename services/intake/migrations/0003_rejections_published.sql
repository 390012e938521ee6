-- Which rejections `rahnama.rejections` was told of.

alter table rejections add column published boolean not null default false;
create index rejections_unpublished on rejections (rejection_id) where not published;

grant update (published) on rejections to @role@;
