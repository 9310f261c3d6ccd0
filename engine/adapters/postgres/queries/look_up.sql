-- An entry of a table that scripts may read, and whether there is such a table at all.
SELECT (SELECT data FROM gacs_lookups WHERE source = $1 AND key = $2) AS data,
       EXISTS (SELECT FROM gacs_lookups WHERE source = $1) AS known
