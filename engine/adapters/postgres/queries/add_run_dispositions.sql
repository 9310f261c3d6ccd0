-- What came of runs; the first one that is written stays.
INSERT INTO gacs_dispositions (run_id, call_id, attempt_id, code, note, at)
SELECT run_id, call_id, attempt_id, code, note, to_timestamp(at)
  FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::double precision[])
    WITH ORDINALITY AS g(run_id, call_id, attempt_id, code, note, at, place)
 ORDER BY place
ON CONFLICT (run_id) DO NOTHING
