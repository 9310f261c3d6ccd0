-- What each target runs now: the newest binding of every target that has any share.
SELECT newest.target_kind, newest.target, newest.seed, newest.bound_at, newest.bound_by,
       array_agg(script.content_hash ORDER BY share.place) AS hashes,
       array_agg(share.share ORDER BY share.place) AS shares
  FROM (SELECT DISTINCT ON (target_kind, target) * FROM gacs_bindings
         ORDER BY target_kind, target, binding_id DESC) AS newest
  JOIN gacs_binding_shares AS share USING (binding_id)
  JOIN gacs_scripts AS script USING (script_id)
 GROUP BY newest.binding_id, newest.target_kind, newest.target, newest.seed, newest.bound_at, newest.bound_by
 ORDER BY newest.target_kind, newest.target
