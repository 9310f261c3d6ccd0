-- Begin an import; imports into the same campaign wait for each other, so that they cannot deadlock over numbers.
INSERT INTO import_batches (campaign_id, file_name)
SELECT $1, $2 FROM pg_advisory_xact_lock(hashtext('import'), $1)
RETURNING batch_id
