-- How a campaign dials, unless it is archived.
SELECT dial_mode FROM campaigns WHERE campaign_id = $1 AND archived_at IS NULL
