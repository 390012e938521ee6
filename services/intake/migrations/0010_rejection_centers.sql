-- The centres that a refused event named readably: a caller limited to centres sees the rejections of these.
-- What was refused before has null, and only callers without a limit see it.

alter table rejections add column centers integer[];
