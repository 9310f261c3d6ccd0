-- The same figures counted from leads and outcomes.
SELECT kind, key, n, talk_ms FROM campaign_recount WHERE campaign_id = $1 ORDER BY kind, key
