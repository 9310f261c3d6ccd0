-- The windows of a campaign that end at $3, under the newest version of a definition; no row for an unknown one.
SELECT w.name, extract(epoch FROM w.since)::float8 AS since, a.live, a.abandoned, a.false_positives, a.customer_gone,
       a.ratio
  FROM campaigns c
 CROSS JOIN LATERAL (SELECT * FROM abandonment_definitions WHERE name = $2 ORDER BY version DESC LIMIT 1) d
 CROSS JOIN LATERAL (SELECT to_timestamp($3::float8) AS now) n
 CROSS JOIN LATERAL (VALUES
   ('period', abandonment_period(d.period, d.window_s, d.zone, coalesce(c.started_at, n.now), n.now)),
   ('24h', n.now - interval '24 hours'), ('1h', n.now - interval '1 hour')) AS w (name, since)
 CROSS JOIN LATERAL abandonment(c.campaign_id, d.name, d.version, w.since, n.now, c.fp_rate) a
 WHERE c.campaign_id = $1
