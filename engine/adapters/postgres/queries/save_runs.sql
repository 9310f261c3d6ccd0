-- Keep the cursors of runs; the record of a run that is over stays as it is.
INSERT INTO gacs_runs AS r (run_id, call_id, script_id, started_at, ended_at, node, state, secret, leg, disposition,
                            reason, results, tags)
SELECT g.run_id, g.call_id, s.script_id, to_timestamp(g.started), to_timestamp(g.ended), g.node, g.state::jsonb,
       g.secret::jsonb, g.leg::jsonb, g.disposition, g.reason, g.results::jsonb, g.tags::jsonb
  FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::text[],
              $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
    AS g(run_id, call_id, hash, started, ended, node, state, secret, leg, disposition, reason, results, tags)
  JOIN gacs_scripts AS s ON s.content_hash = g.hash
 ORDER BY g.run_id
ON CONFLICT (run_id) DO UPDATE
   SET ended_at = excluded.ended_at, node = excluded.node, state = excluded.state, secret = excluded.secret,
       leg = excluded.leg, disposition = excluded.disposition, reason = excluded.reason, results = excluded.results,
       tags = excluded.tags
 WHERE r.ended_at IS NULL
