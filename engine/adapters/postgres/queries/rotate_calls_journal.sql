-- Make the journal's next partitions and drop the old ones.
SELECT rotate_calls_journal($1)
