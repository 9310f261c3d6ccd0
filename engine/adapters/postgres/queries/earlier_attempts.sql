-- A lead's attempts before one of them, the newest first; those for which no phone rang and nobody looked are left out.
SELECT extract(epoch FROM a.claimed_at)::float8 AS at, o.outcome, o.slot_id, o.note
  FROM attempts a LEFT JOIN outcomes o USING (attempt_id)
 WHERE a.lead_id = $1 AND a.attempt_id <> $2 AND o.outcome IS DISTINCT FROM 'not_dialed'
 ORDER BY a.claimed_at DESC, a.attempt_id DESC LIMIT $3
