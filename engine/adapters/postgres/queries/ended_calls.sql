-- Those of these calls that are stored as ended.
SELECT call_id FROM calls WHERE call_id = ANY ($1::text[]) AND ended_at IS NOT NULL
