-- Numbers that must not be called any more: by anybody where no campaign is named, else by that campaign.
WITH given AS MATERIALIZED (
  SELECT number, campaign_id, reason, to_timestamp(at) AS at
    FROM unnest($1::text[], $2::integer[], $3::text[], $4::double precision[]) AS g(number, campaign_id, reason, at)
   ORDER BY number, campaign_id
), everywhere AS (
  INSERT INTO do_not_call (phone_number, reason, added_at)
  SELECT number, reason, at FROM given WHERE campaign_id IS NULL
  ON CONFLICT DO NOTHING
)
INSERT INTO campaign_do_not_call (campaign_id, phone_number, reason, added_at)
SELECT campaign_id, number, reason, at FROM given WHERE campaign_id IS NOT NULL
ON CONFLICT DO NOTHING
