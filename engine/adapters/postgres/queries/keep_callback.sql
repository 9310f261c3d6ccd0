-- Promise to call a number back, once a request; false when the number is on the do-not-call list.
WITH barred AS (
  SELECT EXISTS (SELECT FROM do_not_call WHERE phone_number = $3) AS yes
), promised AS (
  INSERT INTO callbacks (request, call_id, phone_number, pool, due_at, note)
  SELECT $1, $2, $3, $4, coalesce(to_timestamp($5::double precision), now()), $6 FROM barred WHERE NOT yes
  ON CONFLICT (request) DO NOTHING
)
SELECT NOT yes FROM barred
