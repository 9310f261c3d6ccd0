-- Every attempt of a campaign with the number dialed and what became of it, in the order of the claims.
SELECT l.phone_number, coalesce(o.outcome, 'open') AS outcome, o.slot_id,
       extract(epoch FROM a.claimed_at)::float8 AS claimed_at,
       extract(epoch FROM o.bridged_at)::float8 AS bridged_at, extract(epoch FROM o.ended_at)::float8 AS ended_at
  FROM attempts a JOIN autodialer_leads l USING (lead_id) LEFT JOIN outcomes o USING (attempt_id)
 WHERE a.campaign_id = $1 ORDER BY a.attempt_id
