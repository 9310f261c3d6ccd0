-- Forbid the numbers of people who asked for it in a call; returns how many were new.
WITH added AS (
  INSERT INTO do_not_call (phone_number, reason, added_at)
  SELECT number, reason, to_timestamp(at) FROM unnest($1::text[], $2::text[], $3::double precision[]) AS n(number, reason, at)
  ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM added
