-- The schema files this database already has.
SELECT name, sha256 FROM schema_migrations ORDER BY name
