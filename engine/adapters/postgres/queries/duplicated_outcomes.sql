-- Outcomes beyond the first of their attempt.
SELECT count(*) - count(DISTINCT attempt_id) FROM outcomes
