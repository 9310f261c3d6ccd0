-- The bindings of a target, the newest first; one without shares says that it runs nothing from then on.
SELECT binding.seed, binding.bound_at, binding.bound_by,
       coalesce(array_agg(script.content_hash ORDER BY share.place) FILTER (WHERE share.place IS NOT NULL), '{}') AS hashes,
       coalesce(array_agg(share.share ORDER BY share.place) FILTER (WHERE share.place IS NOT NULL), '{}') AS shares
  FROM gacs_bindings AS binding
  LEFT JOIN gacs_binding_shares AS share USING (binding_id)
  LEFT JOIN gacs_scripts AS script USING (script_id)
 WHERE binding.target_kind = $1 AND binding.target = $2
 GROUP BY binding.binding_id
 ORDER BY binding.binding_id DESC
 LIMIT $3
