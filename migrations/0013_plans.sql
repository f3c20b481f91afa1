-- The steps of a change are written when it opens and never again; what became of them is written when it settles. Apart,
-- settling a change writes a short row, and not the long list of steps a second time.

create table plan (
    change_id integer primary key references change on delete cascade,
    steps     text    not null                            -- JSON, in the order in which they are done
) strict;

insert into plan (change_id, steps)
select change_id, (select json_group_array(json_extract(value, '$.step')) from json_each(change.steps)) from change;

-- One for each step that was tried, in the plan's order.
alter table change add column results text not null default '[]' check (json_valid(results));

update change set results = (select json_group_array(json_remove(value, '$.step')) from json_each(change.steps));

alter table change drop column steps;
