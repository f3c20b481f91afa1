-- Published ports, and how networks meet the outside.

-- What steps of earlier versions did is told in words that this version no longer speaks; the changes themselves stay.
delete from step;

alter table network add column icc integer not null default 1 check (icc in (0, 1)); -- containers reach one another
alter table network add column mode4 text not null default 'nat'
    check (mode4 in ('nat', 'nat-unprotected', 'routed', 'isolated'));
alter table network add column mode6 text not null default 'nat'
    check (mode6 in ('nat', 'nat-unprotected', 'routed', 'isolated'));
alter table network add column source4 text; -- the host's address that packets leave with; that of the interface when null
alter table network add column source6 text;

-- A port of a running container that is reached at a port of the host. It goes with its endpoint's row. Addresses that
-- overlap, such as 0.0.0.0 and 127.0.0.1, are told apart by the sockets that hold the ports, not here.
create table published_port (
    endpoint_id    text    not null references endpoint on delete cascade,
    host_address   text    not null,                       -- 0.0.0.0 and ::, every address of that family
    protocol       text    not null check (protocol in ('tcp', 'udp', 'sctp')),
    host_port      integer not null check (host_port between 0 and 65535), -- 0: reached at the container's own address
    container_port integer not null check (container_port between 1 and 65535),
    phase          text    not null check (phase in ('live', 'adding', 'removing')),
    change_id      integer references change,
    check ((change_id is null) = (phase = 'live')),
    primary key (endpoint_id, host_address, protocol, host_port, container_port)
) strict, without rowid;

create unique index published_port_host on published_port (host_address, protocol, host_port)
    where phase <> 'removing' and host_port > 0;
create index published_port_change on published_port (change_id) where change_id is not null;
