-- Note a consent.
INSERT INTO consents (phone_number, campaign_id, evidence, given_at) VALUES ($1, $2, $3, to_timestamp($4))
