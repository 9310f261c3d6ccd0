-- The versions whose hash begins so; two are enough to know that it is ambiguous.
SELECT content_hash, script_name, version, title, nodes, created_at, created_by, retired_at, retired_by, document
  FROM gacs_scripts
 WHERE content_hash LIKE $1 || '%'
 ORDER BY content_hash
 LIMIT 2
