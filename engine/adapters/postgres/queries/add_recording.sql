-- Register a finished recording of a customer's leg; the same path again changes nothing.
INSERT INTO recordings (call_id, leg, path, format, started_at, duration_ms, size_bytes, sha256)
VALUES ($1, $7, $2, 'wav', to_timestamp($3::float8), $4, $5, $6)
ON CONFLICT (path) DO NOTHING
