-- Retire a version that is not retired.
UPDATE gacs_scripts SET retired_at = now(), retired_by = $2
 WHERE content_hash = $1
RETURNING content_hash, script_name, version, title, nodes, created_at, created_by, retired_at, retired_by
