-- Versions of scripts, of one name or (NULL) of all, the newest first.
SELECT content_hash, script_name, version, title, nodes, created_at, created_by, retired_at, retired_by
  FROM gacs_scripts
 WHERE $1::text IS NULL OR script_name = $1
 ORDER BY script_id DESC
 LIMIT $2
