-- Keep a version of a script unless its content, or another one of its name and number, is kept already.
INSERT INTO gacs_scripts (script_name, version, title, nodes, document, content_hash, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
