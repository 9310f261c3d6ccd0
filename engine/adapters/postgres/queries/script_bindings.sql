-- The bindings of a target, the newest first.
SELECT binding.seed, binding.bound_at, binding.bound_by,
       array_agg(script.content_hash ORDER BY share.place) AS hashes,
       array_agg(share.share ORDER BY share.place) AS shares
  FROM gacs_bindings AS binding
  JOIN gacs_binding_shares AS share USING (binding_id)
  JOIN gacs_scripts AS script USING (script_id)
 WHERE binding.target_kind = $1 AND binding.target = $2
 GROUP BY binding.binding_id
 ORDER BY binding.binding_id DESC
 LIMIT $3
