-- Enabled seats, without secrets.
SELECT slot_id, kind, pool, display_name, state FROM slots WHERE enabled ORDER BY slot_id
