-- Lists by year begin at their tenant's year, and the waitlist at its tenant: without these indexes a year without rows, or a
-- tenant that waits for nobody, walked the rows of all years or of all tenants. `version` is not in the first, so that an
-- update of an enrolment need not write it. The index by partition has no order of arrival any more, for which the
-- planner preferred it to the tenant's own.

create index enrolments_by_year on enrolments (tenant, year, student_id);
drop index enrolments_waiting;
create index enrolments_waiting on enrolments (tenant, partition, arrival) where status = 'waitlisted';
create index enrolments_waiting_by_partition on enrolments (partition) where status = 'waitlisted';
