-- Volumes: folders of data that outlive containers, and who uses them.
create table volume (
    name          text    primary key,
    driver        text    not null check (driver = 'local'),
    options       text    not null check (json_valid(options)), -- driver options as given; `device` names a folder elsewhere
    labels        text    not null check (json_valid(labels)),
    anonymous     integer not null check (anonymous in (0, 1)), -- made for one container, and removed with it when asked
    created_at_ms integer not null
) strict, without rowid;

-- A volume that a container mounts, from the container's making to its removal: a volume in use can't be removed.
create table volume_use (
    container_id text not null references container on delete cascade,
    name         text not null references volume,
    primary key (container_id, name)
) strict, without rowid;

create index volume_use_name on volume_use (name);
