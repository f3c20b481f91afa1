-- Settling a change looks for the rows that are coming or going with it. Without an index it reads every endpoint and
-- namespace there is, so the cost of a change grows with their number.
create index network_change on network (change_id) where change_id is not null;
create index namespace_change on namespace (change_id) where change_id is not null;
create index endpoint_change on endpoint (change_id) where change_id is not null;
