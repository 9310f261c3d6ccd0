-- Claim leads that may be dialed now; one round trip, one transaction.
SELECT attempt_id, lead_id, phone_number, attempts FROM claim_leads($1, $2::uuid[], $3, $4, to_timestamp($5))
