-- Try to take the cell's lock for this session; PostgreSQL frees it when the session ends, however it ends.
SELECT pg_try_advisory_lock(hashtextextended('vss cell ' || $1, 0))
