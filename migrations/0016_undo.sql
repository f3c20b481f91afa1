-- Changes that take a change back, and what that takes: what the rows no longer say after the change, as JSON.
alter table change add column undoes integer references change;
alter table change add column inverse text;
