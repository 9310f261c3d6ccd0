-- Attempts without an outcome, oldest first.
SELECT o.attempt_id, o.lead_id, o.campaign_id, coalesce(l.phone_number, '') AS phone_number, a.ordinal AS attempts
  FROM open_attempts o
  JOIN attempts a USING (attempt_id)
  JOIN autodialer_leads l ON l.lead_id = o.lead_id
 ORDER BY o.attempt_id
