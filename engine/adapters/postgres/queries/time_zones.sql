-- The time zones this server knows.
SELECT name FROM pg_timezone_names
