-- What scripts tell other systems, each once.
INSERT INTO gacs_events (request, run_id, call_id, name, data, at)
SELECT request, run_id, call_id, name, data::jsonb, to_timestamp(at)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[])
    WITH ORDINALITY AS g(request, run_id, call_id, name, data, at, place)
 ORDER BY place
ON CONFLICT (request) DO NOTHING
