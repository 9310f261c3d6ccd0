-- Bind a target to versions with their shares, the newest version first.
WITH binding AS (
  INSERT INTO gacs_bindings (target_kind, target, seed, bound_by, bound_at)
  VALUES ($1, $2, $3, $4, clock_timestamp())
  RETURNING binding_id, bound_at
), shares AS (
  INSERT INTO gacs_binding_shares (binding_id, place, script_id, share)
  SELECT binding.binding_id, given.place, script.script_id, given.share
    FROM binding, unnest($5::text[], $6::float8[]) WITH ORDINALITY AS given (content_hash, share, place)
    JOIN gacs_scripts AS script USING (content_hash)
)
SELECT bound_at FROM binding
