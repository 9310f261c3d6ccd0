-- Upsert calls, but for those that ended, and append one journal row for each that has news.
WITH given AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::integer[], $6::text[], $7::text[],
                       $8::integer[], $9::double precision[], $10::double precision[], $11::double precision[],
                       $12::double precision[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[])
    AS g(call_id, kind, phase, attempt_id, campaign_id, phone_number, trunk, slot_id, created, answered, bridged,
         ended, result, hangup_by, recording, entries, script)
), saved AS (
  INSERT INTO calls AS c (call_id, kind, phase, attempt_id, campaign_id, phone_number, trunk, slot_id, created_at,
                          answered_at, bridged_at, ended_at, result, hangup_by, recording, script)
  SELECT call_id, kind, phase, attempt_id, campaign_id, CASE WHEN attempt_id IS NULL THEN phone_number END, trunk,
         slot_id, to_timestamp(created), to_timestamp(answered), to_timestamp(bridged), to_timestamp(ended), result,
         hangup_by, recording, script
    FROM given
  ON CONFLICT (call_id) DO UPDATE
     SET phase = excluded.phase, slot_id = excluded.slot_id, answered_at = excluded.answered_at,
         bridged_at = excluded.bridged_at, ended_at = excluded.ended_at, result = excluded.result,
         hangup_by = excluded.hangup_by, recording = excluded.recording, script = excluded.script
   WHERE c.ended_at IS NULL
)
INSERT INTO calls_journal (call_id, entries)
SELECT call_id, entries::jsonb FROM given WHERE entries IS NOT NULL
