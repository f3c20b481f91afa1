-- The first road: networks, containers with their endpoints, and the journal of every change.
--
-- Times are UTC milliseconds since 1970. Ids are 64 lower-case hex digits. A row that stands for something in the kernel
-- has a phase: `adding` and `removing` name the change that is on its way, and settling that change makes them live or
-- takes them away. What is wanted in the kernel are the rows that are live or adding.

-- A change: one plan, carried out or tried. Open until settled; one that is open at start was interrupted.
create table change (
    change_id     integer primary key autoincrement,
    verb          text    not null,                       -- what was asked: `create network`
    subject       text    not null,                       -- the name of the thing, empty for the whole machine
    origin        text    not null check (origin in ('docker', 'panel', 'daemon')),
    state         text    not null check (state in ('open', 'done', 'failed')),
    error         text,                                   -- why it failed
    opened_at_ms  integer not null,
    settled_at_ms integer check ((settled_at_ms is null) = (state = 'open'))
) strict;

create index change_open on change (change_id) where state = 'open';

-- The steps of a change in order, as data: commands and words are made of them when somebody reads.
create table step (
    change_id   integer not null references change on delete cascade,
    position    integer not null,
    step        text    not null check (json_valid(step)),
    outcome     text    not null check (outcome in ('planned', 'done', 'failed', 'undone')),
    error       text,
    duration_us integer,
    primary key (change_id, position)
) strict, without rowid;

create table network (
    network_id    text    primary key check (length(network_id) = 64),
    name          text    not null unique,
    driver        text    not null check (driver in ('bridge', 'host', 'null')),
    bridge        text    unique check ((bridge is not null) = (driver = 'bridge')), -- interface name on the host
    internal      integer not null check (internal in (0, 1)),
    masquerade    integer not null check (masquerade in (0, 1)),
    mtu           integer not null check (mtu between 68 and 65535),     -- bytes; RFC 791's smallest
    options       text    not null check (json_valid(options)),          -- driver options as given
    labels        text    not null check (json_valid(labels)),
    predefined    integer not null check (predefined in (0, 1)),         -- bridge, host, none: never removed
    created_at_ms integer not null,
    phase         text    not null check (phase in ('live', 'adding', 'removing')),
    change_id     integer references change,
    check ((change_id is null) = (phase = 'live'))
) strict;

-- An address range of a network.
create table subnet (
    network_id text not null references network on delete cascade,
    subnet     text not null,                             -- CIDR, host bits zero
    gateway    text not null,                             -- the bridge's address in it
    -- Where the search for a free address begins: every lower one is leased. Keeps taking a lease flat in the number
    -- of leases.
    lease_from text not null,
    primary key (network_id, subnet)
) strict, without rowid;

create table image (
    image_id      text    primary key check (length(image_id) = 64),
    config        text    not null check (json_valid(config)), -- OCI image configuration, byte for byte what is hashed
    layers        text    not null check (json_valid(layers)), -- diff ids, lowest first
    size_bytes    integer not null,
    created_at_ms integer not null
) strict;

create table image_tag (
    tag      text primary key,                            -- `busybox:latest`, docker.io/library left out
    image_id text not null references image on delete cascade
) strict, without rowid;

create table container (
    container_id   text    primary key check (length(container_id) = 64),
    name           text    not null unique,
    image_id       text    not null references image,
    spec           text    not null check (json_valid(spec)), -- what its process is to be
    state          text    not null check (state in ('created', 'running', 'exited')),
    pid            integer check ((pid is not null) = (state = 'running')),
    exit_code      integer not null default 0,
    error          text    not null default '',               -- why the last start failed
    created_at_ms  integer not null,
    started_at_ms  integer,
    finished_at_ms integer
) strict;

create index container_image on container (image_id);

-- The network namespace of a container that runs with one of its own.
create table namespace (
    container_id text primary key references container,
    name         text not null unique,                    -- under /run/netns
    phase        text not null check (phase in ('live', 'adding', 'removing')),
    change_id    integer references change,
    check ((change_id is null) = (phase = 'live'))
) strict, without rowid;

-- A container's attachment to a network, from start to stop.
create table endpoint (
    endpoint_id  text primary key check (length(endpoint_id) = 64),
    container_id text not null references container,
    network_id   text not null references network,
    host_end     text not null unique,                    -- the veth's end on the host
    interface    text not null,                           -- the veth's end in the namespace
    mac          text not null,
    address      text not null,                           -- with the subnet's prefix length
    gateway      text,                                    -- next hop of the default route
    phase        text not null check (phase in ('live', 'adding', 'removing')),
    change_id    integer references change,
    check ((change_id is null) = (phase = 'live')),
    unique (container_id, network_id)
) strict;

create index endpoint_network on endpoint (network_id);

-- An address that is taken: by an endpoint, or by the bridge itself. It goes with its endpoint's row, which is when the
-- kernel has let go of it. The address is 16 bytes, IPv4 as IPv4-mapped (RFC 4291 §2.5.5.2), so that it sorts.
create table lease (
    network_id  text not null references network on delete cascade,
    address     blob not null check (length(address) = 16),
    endpoint_id text references endpoint on delete cascade, -- null: the gateway's own
    primary key (network_id, address)
) strict, without rowid;

create index lease_endpoint on lease (endpoint_id);

-- A kernel setting that a network needed, and the value it had before, for `drawbridge down`.
create table sysctl (
    key      text primary key,
    value    text not null,
    original text not null
) strict, without rowid;
