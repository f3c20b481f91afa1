-- Links of the default network: what one container calls another in its hosts file and environment, from its making to the
-- removal of either.
create table link (
    container_id text not null references container on delete cascade, -- who knows the other so
    alias        text not null,
    target_id    text not null references container on delete cascade,
    primary key (container_id, alias)
) strict, without rowid;

create index link_target on link (target_id);
