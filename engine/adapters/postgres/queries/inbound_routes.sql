-- Every inbound route, by number.
SELECT did, pool, slot_id, wait_max_s FROM inbound_routes ORDER BY did
