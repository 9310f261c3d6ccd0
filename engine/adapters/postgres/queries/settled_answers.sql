-- A campaign's newest live answers that were settled after $2; a person waits for less than ten minutes.
SELECT extract(epoch FROM a.settled_at)::float8 AS at, a.kind = 'abandoned' AS abandoned
  FROM campaigns c
 CROSS JOIN LATERAL (
   SELECT version FROM abandonment_definitions WHERE name = c.jurisdiction ORDER BY version DESC LIMIT 1) d
 CROSS JOIN LATERAL abandonment_answers(
   c.campaign_id, c.jurisdiction, d.version, to_timestamp($2) - interval '10 minutes', 'infinity') a
 WHERE c.campaign_id = $1 AND a.settled_at > to_timestamp($2) AND a.kind <> 'customer_gone'
 ORDER BY a.settled_at DESC, a.attempt_id DESC LIMIT $3
