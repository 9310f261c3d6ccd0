-- Append changes of agents' states; a repeated one is left out.
INSERT INTO agent_history (slot_id, at, state, reason, call_id)
SELECT slot_id, to_timestamp(at), state, reason, call_id
  FROM unnest($1::integer[], $2::double precision[], $3::text[], $4::text[], $5::text[])
       AS f(slot_id, at, state, reason, call_id)
 ORDER BY slot_id, at, state
ON CONFLICT DO NOTHING
