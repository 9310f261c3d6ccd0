-- One call as it is stored, with what each commit wrote into its journal, oldest first.
SELECT call_id AS id, kind, phase, attempt_id::text AS attempt, campaign_id AS campaign,
       coalesce(phone_number, '') AS number, trunk, slot_id AS slot,
       extract(epoch FROM created_at)::double precision AS created_at,
       extract(epoch FROM answered_at)::double precision AS answered_at,
       extract(epoch FROM bridged_at)::double precision AS bridged_at,
       extract(epoch FROM ended_at)::double precision AS ended_at,
       result, hangup_by, recording, coalesce(script, '') AS script,
       (SELECT array_agg(entries::text ORDER BY at) FROM calls_journal AS j WHERE j.call_id = c.call_id) AS journal
  FROM calls AS c
 WHERE call_id = $1
