-- Lock a version, so that binding it and retiring it follow one another.
SELECT script_id, content_hash, script_name, version, title, nodes, created_at, created_by, retired_at, retired_by
  FROM gacs_scripts
 WHERE content_hash = $1
   FOR UPDATE
