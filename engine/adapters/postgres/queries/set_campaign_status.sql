-- Change a campaign's status.
UPDATE campaigns
   SET status = $2, started_at = CASE WHEN $2 = 'running' THEN coalesce(started_at, now()) ELSE started_at END
 WHERE campaign_id = $1
