-- Let bindings of one target follow one another, also its first ones.
SELECT pg_advisory_xact_lock(hashtextextended('gacs_bindings ' || $1 || ' ' || $2, 0))
