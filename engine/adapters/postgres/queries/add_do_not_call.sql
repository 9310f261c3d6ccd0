-- Forbid numbers; returns how many were new.
WITH added AS (
  INSERT INTO do_not_call (phone_number, reason) SELECT unnest($1::text[]), $2 ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM added
