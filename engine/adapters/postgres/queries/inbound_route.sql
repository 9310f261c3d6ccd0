-- The route of an inbound number; failing that, the human seat of that number.
SELECT pool, slot_id, wait_max_s FROM inbound_routes WHERE did = $1
UNION ALL
SELECT pool, slot_id, 120 FROM slots
 WHERE slot_id::text = $1 AND kind = 'MF' AND enabled AND NOT EXISTS (SELECT FROM inbound_routes WHERE did = $1)
