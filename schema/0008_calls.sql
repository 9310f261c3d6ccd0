-- Calls and their journal.

CREATE TABLE calls (
  call_id text PRIMARY KEY CHECK (length(call_id) BETWEEN 1 AND 150),
  attempt_id uuid REFERENCES attempts ON DELETE RESTRICT,
  created_at timestamptz NOT NULL,
  answered_at timestamptz,
  bridged_at timestamptz,
  ended_at timestamptz,
  campaign_id integer,
  slot_id integer,
  kind text NOT NULL CHECK (kind IN ('campaign', 'inbound', 'manual')),
  phase text NOT NULL,
  phone_number text,
  trunk text,
  result text,
  hangup_by text,
  recording text,
  CONSTRAINT number_of_attempt_stays_with_lead CHECK (attempt_id IS NULL OR phone_number IS NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN calls.phone_number IS
  'NULL for an attempt''s call: its number is the lead''s alone, so that anonymising the lead forgets it everywhere';
CREATE INDEX calls_open ON calls (call_id) WHERE ended_at IS NULL;
CREATE INDEX calls_created ON calls USING brin (created_at);

CREATE TABLE calls_journal (
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  call_id text NOT NULL,
  entries jsonb NOT NULL
) PARTITION BY RANGE (at);
COMMENT ON TABLE calls_journal IS 'One row per call and commit: the events since the last one, oldest first.';
CREATE INDEX calls_journal_call ON calls_journal (call_id);
CREATE TABLE calls_journal_default PARTITION OF calls_journal DEFAULT;

CREATE FUNCTION rotate_calls_journal(p_keep_days integer DEFAULT 30, p_ahead_days integer DEFAULT 3,
                                     p_now timestamptz DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  v_today date := coalesce(p_now, now())::date;
  v_day date;
  v_name text;
  v_dropped integer := 0;
BEGIN
  IF p_keep_days < 1 THEN
    RAISE EXCEPTION 'keep at least one day, not %', p_keep_days USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('rotate_calls_journal')) THEN
    RETURN 0;
  END IF;
  FOR v_day IN SELECT v_today + ahead FROM generate_series(0, p_ahead_days) AS ahead LOOP
    v_name := 'calls_journal_' || to_char(v_day, 'YYYYMMDD');
    -- A day that already has rows in the default partition stays there; retention deletes them below.
    CONTINUE WHEN to_regclass(v_name) IS NOT NULL
               OR EXISTS (SELECT FROM calls_journal_default WHERE at >= v_day AND at < v_day + 1);
    EXECUTE format('CREATE TABLE %I PARTITION OF calls_journal FOR VALUES FROM (%L) TO (%L)',
                   v_name, v_day::timestamptz, (v_day + 1)::timestamptz);
  END LOOP;
  FOR v_name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'calls_journal'::regclass AND c.relname ~ '^calls_journal_[0-9]{8}$'
       AND to_date(right(c.relname, 8), 'YYYYMMDD') < v_today - p_keep_days
  LOOP
    EXECUTE format('DROP TABLE %I', v_name);
    v_dropped := v_dropped + 1;
  END LOOP;
  DELETE FROM calls_journal_default WHERE at < v_today - p_keep_days;
  RETURN v_dropped;
END $$;
COMMENT ON FUNCTION rotate_calls_journal(integer, integer, timestamptz) IS
  'Make the daily partitions ahead (UTC days) and drop those older than p_keep_days; returns how many were dropped.';
SELECT rotate_calls_journal();

CREATE TABLE recordings (
  recording_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  call_id text NOT NULL REFERENCES calls ON DELETE RESTRICT,
  leg text NOT NULL CHECK (leg IN ('customer', 'agent', 'both')),
  path text NOT NULL UNIQUE,
  format text NOT NULL DEFAULT 'wav',
  started_at timestamptz NOT NULL,
  duration_ms bigint CHECK (duration_ms >= 0),
  size_bytes bigint CHECK (size_bytes >= 0),
  sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  delete_after timestamptz,
  deleted_at timestamptz
);
CREATE INDEX recordings_call ON recordings (call_id);
