-- Add or change seats. Without a secret an existing one stays.
INSERT INTO slots AS s (slot_id, kind, pool, display_name, sip_secret)
SELECT g.slot_id, g.kind, g.pool, g.display_name, coalesce(g.sip_secret, old.sip_secret)
  FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[])
       AS g(slot_id, kind, pool, display_name, sip_secret)
  LEFT JOIN slots old USING (slot_id)
 ORDER BY g.slot_id
ON CONFLICT (slot_id) DO UPDATE
   SET pool = excluded.pool, display_name = excluded.display_name, sip_secret = excluded.sip_secret, enabled = true
