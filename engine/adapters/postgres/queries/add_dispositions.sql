-- Append what agents said of calls; a repeated one is left out.
INSERT INTO dispositions (call_id, slot_id, at, code, note)
SELECT call_id, slot_id, to_timestamp(at), code, note
  FROM unnest($1::text[], $2::integer[], $3::double precision[], $4::text[], $5::text[])
       AS d(call_id, slot_id, at, code, note)
 ORDER BY call_id, slot_id, at
ON CONFLICT DO NOTHING
