-- Networks that are settings only (`docker network create --config-only`), and those that have taken some over.
alter table network add column settings text check (settings is null or json_valid(settings)); -- as they were asked for
alter table network add column settings_of text; -- the name of the network whose settings it has

create index network_settings_of on network (settings_of) where settings_of is not null;
