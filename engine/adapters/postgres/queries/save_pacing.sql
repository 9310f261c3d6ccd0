-- Keep what a campaign's pacer knows, unless something newer is kept.
INSERT INTO pacing_states AS p (campaign_id, at, state) VALUES ($1, to_timestamp($2), $3::json)
ON CONFLICT (campaign_id) DO UPDATE SET at = excluded.at, state = excluded.state WHERE p.at <= excluded.at
