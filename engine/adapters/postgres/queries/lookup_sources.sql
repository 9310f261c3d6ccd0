-- Tables that scripts may read, with how many entries each has.
SELECT source, count(*) AS entries, max(changed_at) AS changed_at FROM gacs_lookups GROUP BY source ORDER BY source
