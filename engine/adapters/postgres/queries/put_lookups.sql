-- Replace a table that scripts may read: what is not among the new entries is gone; returns how many there are.
WITH given AS MATERIALIZED (
  SELECT key, data::jsonb AS data FROM unnest($2::text[], $3::text[]) AS g(key, data)
), gone AS (
  DELETE FROM gacs_lookups WHERE source = $1 AND key <> ALL ($2::text[])
), kept AS (
  INSERT INTO gacs_lookups (source, key, data) SELECT $1, key, data FROM given
  ON CONFLICT (source, key) DO UPDATE SET data = excluded.data, changed_at = now()
  RETURNING 1
)
SELECT count(*) FROM kept
