-- A campaign's newest attempts with their outcomes; the key is ordered by time.
SELECT a.attempt_id::text, a.lead_id, a.ordinal, a.trunk, extract(epoch FROM a.claimed_at)::float8 AS claimed_at,
       o.outcome, o.cause, o.sip_code, o.slot_id, o.hangup_by, o.talk_ms,
       extract(epoch FROM o.answered_at)::float8 AS answered_at,
       extract(epoch FROM o.bridged_at)::float8 AS bridged_at, extract(epoch FROM o.ended_at)::float8 AS ended_at
  FROM attempts a LEFT JOIN outcomes o USING (attempt_id)
 WHERE a.campaign_id = $1 ORDER BY a.attempt_id DESC LIMIT $2
