-- A promise that was taken and never dialed is due again at once, and the attempt is not counted.
UPDATE callbacks
   SET attempts = greatest(attempts - 1, 0), taken_until = NULL, changed_at = now()
 WHERE callback_id = $1 AND status = 'promised' AND taken_until IS NOT NULL
