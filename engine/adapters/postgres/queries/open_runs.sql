-- Runs that are not over, the oldest first.
SELECT r.*, s.content_hash, s.script_name FROM gacs_runs AS r JOIN gacs_scripts AS s USING (script_id)
 WHERE r.ended_at IS NULL ORDER BY r.started_at, r.run_id
