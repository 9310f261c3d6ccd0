-- Somebody talked, or not: then it is due again later, or given up.
UPDATE callbacks
   SET status = CASE WHEN $2 THEN 'kept' WHEN attempts >= $4 THEN 'failed' ELSE status END,
       due_at = CASE WHEN $2 THEN due_at ELSE to_timestamp($3::double precision + $5::double precision) END,
       taken_until = NULL, changed_at = now()
 WHERE callback_id = $1 AND status = 'promised'
