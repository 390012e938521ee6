"""The read models: mentors, loads, counters and enrolments."""
