-- Enabled seats of human agents.
SELECT slot_id, pool, display_name FROM slots WHERE kind = 'MF' AND enabled ORDER BY slot_id
