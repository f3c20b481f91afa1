-- What a container's life has beyond `state`: a paused one runs, one that waits for its next start by its restart policy
-- has exited.
alter table container add column paused integer not null default 0 check (paused in (0, 1));
alter table container add column restart_count integer not null default 0;    -- starts by its restart policy, in a row
alter table container add column restart_delay_ms integer not null default 0; -- how long the last of them was waited for
alter table container add column restart_at_ms integer;                       -- when the next one is due
alter table container add column stopped_by_hand integer not null default 0 check (stopped_by_hand in (0, 1));
alter table container add column oom_killed integer not null default 0 check (oom_killed in (0, 1)); -- in its last run
alter table container add column health text check (health is null or json_valid(health)); -- what its checks have found
