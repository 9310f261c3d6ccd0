-- Take the promise that is due longest for one attempt; nobody else gets it before the lease is over.
WITH due AS (
  SELECT c.callback_id, EXISTS (SELECT FROM do_not_call n WHERE n.phone_number = c.phone_number) AS barred
    FROM callbacks AS c
   WHERE c.status = 'promised' AND c.pool = ANY ($1::text[]) AND c.due_at <= to_timestamp($2::double precision)
     AND (c.taken_until IS NULL OR c.taken_until <= to_timestamp($2::double precision))
   ORDER BY c.due_at, c.callback_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
), taken AS (
  UPDATE callbacks AS c
     SET status = CASE WHEN due.barred THEN 'barred' WHEN c.attempts >= $4 THEN 'failed' ELSE c.status END,
         attempts = c.attempts + CASE WHEN due.barred OR c.attempts >= $4 THEN 0 ELSE 1 END,
         taken_until = to_timestamp($2::double precision + $3::double precision), changed_at = now()
    FROM due WHERE c.callback_id = due.callback_id
  RETURNING c.callback_id, c.phone_number, c.pool, c.note, c.attempts, c.status
)
SELECT * FROM taken
