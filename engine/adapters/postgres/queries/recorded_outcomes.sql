-- The outcomes of these attempts, of those that have one.
SELECT attempt_id, outcome FROM outcomes WHERE attempt_id = ANY ($1::uuid[])
