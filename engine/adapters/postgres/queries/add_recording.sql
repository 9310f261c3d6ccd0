-- Register a finished recording of a customer's leg, both directions in it; the same path again changes nothing.
INSERT INTO recordings (call_id, leg, path, format, started_at, duration_ms, size_bytes, sha256)
VALUES ($1, 'both', $2, 'wav', to_timestamp($3::float8), $4, $5, $6)
ON CONFLICT (path) DO NOTHING
