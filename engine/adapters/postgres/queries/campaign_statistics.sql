-- A campaign's statistics as the triggers kept them.
SELECT kind, key, n, talk_ms FROM campaign_statistics WHERE campaign_id = $1 ORDER BY kind, key
