-- Enabled seats with their secrets, for rendering Asterisk's configuration.
SELECT slot_id, kind, pool, display_name, state, sip_secret FROM slots WHERE enabled ORDER BY slot_id
