-- A target whose newest binding has a share for this version.
SELECT target_kind, target
  FROM gacs_bindings AS binding
  JOIN gacs_binding_shares AS share USING (binding_id)
 WHERE share.script_id = $1
   AND NOT EXISTS (
     SELECT 1 FROM gacs_bindings AS later
      WHERE later.target_kind = binding.target_kind AND later.target = binding.target
        AND later.binding_id > binding.binding_id)
 ORDER BY binding_id
 LIMIT 1
