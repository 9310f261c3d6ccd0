-- The data of the leads of attempts.
SELECT a.attempt_id, l.lead_data AS data FROM attempts AS a JOIN autodialer_leads AS l USING (lead_id)
 WHERE a.attempt_id = ANY ($1::uuid[])
