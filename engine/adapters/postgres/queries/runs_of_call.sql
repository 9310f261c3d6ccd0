-- The runs of a call, in order, without what is sensitive.
SELECT r.run_id, r.call_id, r.started_at, r.ended_at, r.node, r.state, NULL::jsonb AS secret, NULL::jsonb AS leg,
       r.disposition, r.reason, r.results, r.tags, s.content_hash, s.script_name
  FROM gacs_runs AS r JOIN gacs_scripts AS s USING (script_id)
 WHERE r.call_id = $1 ORDER BY r.started_at, r.run_id
