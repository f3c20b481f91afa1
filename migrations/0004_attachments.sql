-- Attachments, which outlive a container's runs, and networks of every kind: several ranges, both families, macvlan.

-- Networks get columns and words that SQLite can't add to a table that is there, and all that refers to them goes with
-- them. Nothing has been released: what earlier versions kept is not taken over.
delete from step;
drop table published_port;
drop table lease;
drop table endpoint;
drop table subnet;
drop table network;
delete from namespace;
delete from container;

create table network (
    network_id    text    primary key check (length(network_id) = 64),
    name          text    not null unique,
    driver        text    not null check (driver in ('bridge', 'macvlan', 'host', 'null')),
    bridge        text    unique check ((bridge is not null) = (driver = 'bridge')),  -- interface name on the host
    parent        text    check ((parent is not null) = (driver = 'macvlan')),        -- the host's interface that it shares
    macvlan_mode  text    check (macvlan_mode in ('bridge', 'private', 'vepa', 'passthru')
                                 and (macvlan_mode is not null) = (driver = 'macvlan')),
    ipv4          integer not null check (ipv4 in (0, 1)),
    ipv6          integer not null check (ipv6 in (0, 1)),
    inhibit_ipv4  integer not null check (inhibit_ipv4 in (0, 1)),       -- the bridge goes without its IPv4 address
    internal      integer not null check (internal in (0, 1)),
    icc           integer not null check (icc in (0, 1)),                -- containers reach one another
    masquerade    integer not null check (masquerade in (0, 1)),
    mode4         text    not null check (mode4 in ('nat', 'nat-unprotected', 'routed', 'isolated')),
    mode6         text    not null check (mode6 in ('nat', 'nat-unprotected', 'routed', 'isolated')),
    source4       text,                                                  -- the host's address that packets leave with
    source6       text,
    mtu           integer not null check (mtu between 68 and 65535),     -- bytes; RFC 791's smallest
    attachable    integer not null check (attachable in (0, 1)),         -- kept for clients; every local network is
    options       text    not null check (json_valid(options)),          -- driver options as given
    ipam_options  text    not null check (json_valid(ipam_options)),     -- options of the address management as given
    labels        text    not null check (json_valid(labels)),
    predefined    integer not null check (predefined in (0, 1)),         -- bridge, host, none: never removed
    created_at_ms integer not null,
    phase         text    not null check (phase in ('live', 'adding', 'removing')),
    change_id     integer references change,
    check ((change_id is null) = (phase = 'live'))
) strict;

create index network_change on network (change_id) where change_id is not null;

-- An address range of a network.
create table subnet (
    network_id text    not null references network on delete cascade,
    position   integer not null,                          -- in the order of the request, IPv4 first
    subnet     text    not null,                          -- CIDR, host bits zero
    gateway    text    not null,                          -- the bridge's address in it, or the next hop
    ip_range   text,                                      -- where addresses are leased from; all of it when null
    reserved   text    not null check (json_valid(reserved)), -- addresses that are never leased, by the names given
    -- Where the search for a free address begins: every lower one is leased. Keeps taking a lease flat in the number
    -- of leases.
    lease_from text    not null,
    primary key (network_id, position),
    unique (network_id, subnet)
) strict, without rowid;

-- A network that a container is to be in whenever it runs, with what was asked for. It goes with the container, or when
-- the container is disconnected. The network is named, and looked up at each start. The addresses are 16 bytes as those
-- of leases are, and pass over to a lease when the container runs.
create table attachment (
    container_id     text    not null references container on delete cascade,
    network          text    not null,
    position         integer not null,                    -- the order in which interfaces are made
    aliases          text    not null check (json_valid(aliases)),
    address4         blob    check (length(address4) = 16),
    address6         blob    check (length(address6) = 16),
    link_local       text    not null check (json_valid(link_local)),
    mac              text,
    gateway_priority integer not null,                    -- the highest leads out
    links            text    not null check (json_valid(links)),
    options          text    not null check (json_valid(options)),
    primary key (container_id, network)
) strict, without rowid;

create index attachment_address4 on attachment (network, address4) where address4 is not null;
create index attachment_address6 on attachment (network, address6) where address6 is not null;

-- A container's plug in a network, from start to stop.
create table endpoint (
    endpoint_id      text    primary key check (length(endpoint_id) = 64),
    container_id     text    not null references container,
    network_id       text    not null references network,
    host_end         text    unique,                      -- the veth's end on the host; macvlan has none
    interface        text    not null,                    -- its name in the namespace
    mac              text    not null,
    address4         text,                                -- with the subnet's prefix length
    address6         text,
    gateway4         text,                                -- next hop of its network, if that leads out
    gateway6         text,
    link_local       text    not null check (json_valid(link_local)), -- more addresses, which nobody leases
    gateway_priority integer not null,
    phase            text    not null check (phase in ('live', 'adding', 'removing')),
    change_id        integer references change,
    check ((change_id is null) = (phase = 'live')),
    unique (container_id, network_id)
) strict;

create index endpoint_network on endpoint (network_id);
create index endpoint_change on endpoint (change_id) where change_id is not null;

-- An address that is taken: by an endpoint, by the bridge itself, or for somebody outside. It goes with its endpoint's row,
-- which is when the kernel has let go of it. The address is 16 bytes, IPv4 as IPv4-mapped (RFC 4291 §2.5.5.2), so that it
-- sorts.
create table lease (
    network_id  text not null references network on delete cascade,
    address     blob not null check (length(address) = 16),
    endpoint_id text references endpoint on delete cascade, -- null: the gateway's own, or reserved
    primary key (network_id, address)
) strict, without rowid;

create index lease_endpoint on lease (endpoint_id);

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
