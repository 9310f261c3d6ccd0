-- Add or change an inbound route.
INSERT INTO inbound_routes (did, pool, slot_id, wait_max_s) VALUES ($1, $2, $3, $4)
ON CONFLICT (did) DO UPDATE SET pool = excluded.pool, slot_id = excluded.slot_id, wait_max_s = excluded.wait_max_s
