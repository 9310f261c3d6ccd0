-- Runs of scripts on calls, and what they leave behind.

CREATE TABLE gacs_runs (
  run_id text PRIMARY KEY CHECK (length(run_id) BETWEEN 1 AND 160),
  call_id text NOT NULL CHECK (length(call_id) BETWEEN 1 AND 150),
  script_id bigint NOT NULL REFERENCES gacs_scripts ON DELETE RESTRICT,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  node text NOT NULL,
  state jsonb NOT NULL,
  secret jsonb,
  leg jsonb,
  disposition text,
  reason text,
  results jsonb NOT NULL DEFAULT '{}',
  tags jsonb NOT NULL DEFAULT '{}',
  -- Who pressed a PIN, and on which line, is forgotten with the run.
  CONSTRAINT nothing_sensitive_outlives_a_run CHECK (ended_at IS NULL OR (secret IS NULL AND leg IS NULL)),
  CONSTRAINT ended_with_a_reason CHECK ((ended_at IS NULL) = (reason IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN gacs_runs.state IS 'The cursor without what is sensitive: where an engine that takes the call over goes on.';
COMMENT ON COLUMN gacs_runs.secret IS 'What is sensitive of the cursor: in no log, journal, event or metric, and erased with the run.';
CREATE INDEX gacs_runs_open ON gacs_runs (started_at) WHERE ended_at IS NULL;
CREATE INDEX gacs_runs_call ON gacs_runs (call_id);
CREATE INDEX gacs_runs_script ON gacs_runs (script_id);

CREATE FUNCTION keep_ended_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'run % is over: its record never changes', OLD.run_id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ended_runs_stay BEFORE UPDATE ON gacs_runs
  FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION keep_ended_run();

-- What came of a run: exactly one, the first that is written.
CREATE TABLE gacs_dispositions (
  run_id text PRIMARY KEY,
  call_id text NOT NULL,
  attempt_id uuid REFERENCES attempts ON DELETE RESTRICT,
  code text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
  note text CHECK (length(note) <= 5000),
  at timestamptz NOT NULL
);
CREATE INDEX gacs_dispositions_attempt ON gacs_dispositions (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gacs_dispositions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts are append-only');

-- What somebody said to a question of a script, and to which words of which version.
CREATE TABLE consent_evidence (
  evidence_id text PRIMARY KEY CHECK (length(evidence_id) BETWEEN 1 AND 500),
  run_id text NOT NULL,
  call_id text NOT NULL,
  phone_number text,
  kind text NOT NULL CHECK (kind IN ('recording', 'data', 'marketing')),
  granted boolean NOT NULL,
  prompt text NOT NULL,
  locale text NOT NULL,
  script_id bigint NOT NULL REFERENCES gacs_scripts ON DELETE RESTRICT,
  campaign_id integer,
  at timestamptz NOT NULL
);
CREATE INDEX consent_evidence_call ON consent_evidence (call_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_evidence
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('evidence is append-only');

-- What scripts tell other systems, in order; who reads it remembers the last event_id.
CREATE TABLE gacs_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request text NOT NULL UNIQUE,
  run_id text NOT NULL,
  call_id text NOT NULL,
  name text NOT NULL,
  data jsonb NOT NULL,
  at timestamptz NOT NULL
);
CREATE FUNCTION notify_gacs_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('gacs_event', json_build_object('event_id', max(event_id))::text) FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER event_told AFTER INSERT ON gacs_events
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION notify_gacs_event();

-- Promises to call back.
CREATE TABLE callbacks (
  callback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request text NOT NULL UNIQUE,
  call_id text NOT NULL,
  phone_number text NOT NULL CHECK (phone_number ~ '^\+?[0-9]{3,15}$'),
  pool text NOT NULL CHECK (pool ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  due_at timestamptz NOT NULL,
  note text CHECK (length(note) <= 5000),
  status text NOT NULL DEFAULT 'promised' CHECK (status IN ('promised', 'kept', 'failed', 'barred')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  taken_until timestamptz,
  changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX callbacks_due ON callbacks (pool, due_at) WHERE status = 'promised';

-- Tables that scripts may read.
CREATE TABLE gacs_lookups (
  source text NOT NULL CHECK (source ~ '^[a-z][a-z0-9_-]{0,63}$'),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, key)
);

-- The version that a call is pinned to.
ALTER TABLE calls ADD COLUMN script text CHECK (script ~ '^[0-9a-f]{64}$');

-- Numbers that one campaign must not dial any more; do_not_call is for all of them.
CREATE TABLE campaign_do_not_call (
  campaign_id integer NOT NULL REFERENCES campaigns ON DELETE RESTRICT,
  phone_number text NOT NULL CHECK (phone_number ~ '^\+[1-9][0-9]{4,14}$'),
  reason text NOT NULL DEFAULT '',
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (campaign_id, phone_number)
);
CREATE FUNCTION exclude_campaign_do_not_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH hit AS MATERIALIZED (
    SELECT l.lead_id FROM autodialer_leads l
      JOIN new_rows n ON n.campaign_id = l.campaign_id_ref AND n.phone_number = l.phone_number
     WHERE l.status IN ('new', 'waiting') ORDER BY l.lead_id FOR UPDATE OF l)
  UPDATE autodialer_leads l SET status = 'excluded', result = 'do_not_call' FROM hit WHERE l.lead_id = hit.lead_id;
  RETURN NULL;
END $$;
CREATE TRIGGER leads_excluded AFTER INSERT ON campaign_do_not_call
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION exclude_campaign_do_not_call();

-- The claim looks there too: one more index look-up a lead. Its text is changed in place, so that there is one of it.
DO $$
DECLARE
  v_old text := pg_get_functiondef('claim_leads(integer, uuid[], text, bigint, timestamptz)'::regprocedure);
  v_new text := replace(v_old,
    'WHERE n.phone_number = d.phone_number LIMIT 1)',
    'WHERE n.phone_number = d.phone_number LIMIT 1)
                      OR (SELECT true FROM campaign_do_not_call n
                           WHERE n.campaign_id = p_campaign AND n.phone_number = d.phone_number LIMIT 1)');
BEGIN
  IF v_new = v_old THEN
    RAISE EXCEPTION 'claim_leads is not as this migration expects it';
  END IF;
  EXECUTE v_new;
END $$;

ALTER TABLE outcomes DROP CONSTRAINT outcomes_hangup_by_check,
  ADD CONSTRAINT outcomes_hangup_by_check CHECK (hangup_by IN ('customer', 'agent', 'operator', 'engine', 'script'));
