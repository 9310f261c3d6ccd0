-- Note an import's figures and its rejected lines.
WITH figures AS (
  UPDATE import_batches SET imported = $2, rejected = $3 WHERE batch_id = $1
)
INSERT INTO import_errors (batch_id, line, reason)
SELECT $1, r.line, r.reason FROM unnest($4::integer[], $5::text[]) AS r(line, reason)
