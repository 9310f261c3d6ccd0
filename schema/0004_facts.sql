-- Attempts and outcomes: facts, appended once, never changed.

CREATE TABLE attempts (
  attempt_id uuid PRIMARY KEY,
  lead_id bigint NOT NULL REFERENCES autodialer_leads ON DELETE RESTRICT,
  epoch bigint NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  campaign_id integer NOT NULL REFERENCES campaigns ON DELETE RESTRICT,
  ordinal integer NOT NULL CHECK (ordinal >= 1),
  trunk text NOT NULL
);
COMMENT ON COLUMN attempts.ordinal IS 'attempts of this lead when it was claimed, this one included';
CREATE INDEX attempts_lead ON attempts (lead_id);

CREATE TABLE outcomes (
  attempt_id uuid PRIMARY KEY REFERENCES attempts ON DELETE RESTRICT,
  lead_id bigint NOT NULL,
  ringing_at timestamptz,
  answered_at timestamptz,
  bridged_at timestamptz,
  ended_at timestamptz NOT NULL,
  next_at timestamptz,
  talk_ms bigint NOT NULL GENERATED ALWAYS AS (
    coalesce(greatest(date_part('epoch', ended_at - bridged_at) * 1000, 0)::bigint, 0)) STORED,
  campaign_id integer NOT NULL,
  cause integer NOT NULL,
  sip_code integer,
  slot_id integer,
  outcome text NOT NULL CHECK (outcome IN (
    'answered', 'abandoned', 'customer_hangup', 'busy', 'no_answer', 'declined', 'invalid_number', 'unreachable',
    'congestion', 'failed', 'cancelled', 'not_dialed', 'engine_error', 'unknown')),
  hangup_by text CHECK (hangup_by IN ('customer', 'agent', 'operator', 'engine')),
  lead_status text NOT NULL CHECK (lead_status IN ('new', 'dialing', 'waiting', 'done', 'excluded', 'deleted'))
);
COMMENT ON TABLE outcomes IS 'lead_id and campaign_id equal the attempt''s: close_attempts() checks them.';
CREATE INDEX outcomes_ended ON outcomes USING brin (ended_at);

CREATE TABLE open_attempts (
  lead_id bigint PRIMARY KEY,
  attempt_id uuid NOT NULL,
  campaign_id integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
COMMENT ON TABLE open_attempts IS
  'Attempts without an outcome; its key is the guarantee of one open attempt per lead. Written by triggers only.';

CREATE FUNCTION open_attempts_of_insert() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET jit = off AS $$
BEGIN
  INSERT INTO open_attempts (lead_id, attempt_id, campaign_id) SELECT lead_id, attempt_id, campaign_id FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER opened AFTER INSERT ON attempts
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION open_attempts_of_insert();

CREATE FUNCTION close_attempts() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_closed bigint;
BEGIN
  -- By an array and not by a join: this table's row estimate is worthless (it empties all the time), and a join in the
  -- wrong order reads all of it for each outcome (measured: 38 ms instead of 0.1 ms per batch).
  WITH closed AS (
    DELETE FROM open_attempts WHERE lead_id = ANY (ARRAY(SELECT lead_id FROM new_rows))
    RETURNING lead_id, attempt_id, campaign_id
  )
  SELECT count(*) INTO v_closed FROM closed JOIN new_rows USING (lead_id, attempt_id, campaign_id);
  IF v_closed <> (SELECT count(*) FROM new_rows) THEN
    RAISE EXCEPTION 'an outcome names another lead or campaign than its attempt'
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'outcome_matches_attempt';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER closed AFTER INSERT ON outcomes
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION close_attempts();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts are append-only');
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outcomes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts are append-only');
CREATE TRIGGER triggers_only BEFORE INSERT OR UPDATE OR DELETE ON open_attempts
  FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0)
  EXECUTE FUNCTION refuse_change('it follows attempts and outcomes');
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON open_attempts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('it follows attempts and outcomes');
