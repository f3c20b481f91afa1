-- Settling a change looks for its rows where its scope says: those of one container or one network, or, at the start, all of
-- them. These indexes were written with every row, once when it came or went and once when that was settled.
drop index network_change;
drop index namespace_change;
drop index endpoint_change;
