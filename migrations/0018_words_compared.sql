-- For `phase in ('live', 'adding', 'removing')` SQLite makes a table of the three words each time a row is written, which takes
-- longer than writing the row; joined by `or` they are only compared. What is allowed stays the same, so no row need be copied: the
-- constraints are changed where they stand (sqlite.org/lang_altertable.html, "making other kinds of table schema changes").

pragma writable_schema = on;

update sqlite_schema
set sql = replace(sql, 'check (phase in (''live'', ''adding'', ''removing''))',
                       'check (phase = ''live'' or phase = ''adding'' or phase = ''removing'')')
where type = 'table' and name in ('network', 'namespace', 'endpoint', 'published_port');

update sqlite_schema
set sql = replace(replace(sql, 'check (origin in (''docker'', ''panel'', ''daemon''))',
                               'check (origin = ''docker'' or origin = ''panel'' or origin = ''daemon'')'),
                  'check (state in (''open'', ''done'', ''failed''))',
                  'check (state = ''open'' or state = ''done'' or state = ''failed'')')
where type = 'table' and name = 'change';

update sqlite_schema
set sql = replace(sql, 'check (state in (''created'', ''running'', ''exited''))',
                       'check (state = ''created'' or state = ''running'' or state = ''exited'')')
where type = 'table' and name = 'container';

update sqlite_schema
set sql = replace(sql, 'check (protocol in (''tcp'', ''udp'', ''sctp''))',
                       'check (protocol = ''tcp'' or protocol = ''udp'' or protocol = ''sctp'')')
where type = 'table' and name = 'published_port';

pragma writable_schema = reset; -- off, and read anew
