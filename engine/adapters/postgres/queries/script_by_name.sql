-- The version of a name and a number, or (NULL) the highest one of the name.
SELECT content_hash, script_name, version, title, nodes, created_at, created_by, retired_at, retired_by, document
  FROM gacs_scripts
 WHERE script_name = $1 AND ($2::integer IS NULL OR version = $2)
 ORDER BY version DESC
 LIMIT 1
