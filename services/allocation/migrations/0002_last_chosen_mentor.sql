-- Where a rotation among mentors goes on: the mentor of the pool's latest assignment of that year.

alter table counters add column last_mentor_id integer;
