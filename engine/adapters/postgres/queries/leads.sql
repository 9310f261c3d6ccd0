-- A page of a campaign's leads.
SELECT lead_id, campaign_id_ref, phone_number, status, attempts, result, next_at, lead_data
  FROM autodialer_leads WHERE campaign_id_ref = $1 AND lead_id > $2 ORDER BY lead_id LIMIT $3
