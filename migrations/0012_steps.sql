-- The steps of a change are written with it, settled with it and read with it, never one by one: they are a list in its
-- row. As rows of their own they were most of what a change wrote.

drop table step;

alter table change add column steps text not null default '[]' check (json_valid(steps)); -- each with its outcome
