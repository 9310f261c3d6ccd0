-- What a campaign's pacer knew last.
SELECT extract(epoch FROM at)::float8 AS at, state FROM pacing_states WHERE campaign_id = $1
