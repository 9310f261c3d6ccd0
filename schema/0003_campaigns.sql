-- Campaigns, their leads, and who may not be called.

CREATE TABLE campaigns (
  campaign_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'running', 'paused', 'stopped')),
  dial_mode text NOT NULL DEFAULT 'progressive' CHECK (dial_mode ~ '^[a-z_]{1,32}$'),
  answer_action text NOT NULL DEFAULT 'agent' CHECK (answer_action IN ('agent', 'message', 'hang_up')),
  pool text NOT NULL DEFAULT 'default' CHECK (pool ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  trunk text NOT NULL REFERENCES trunks (name) ON DELETE RESTRICT ON UPDATE RESTRICT,
  caller_id text NOT NULL CHECK (caller_id ~ '^\+?[0-9]{1,15}$'),
  ring_timeout_s integer NOT NULL DEFAULT 25 CHECK (ring_timeout_s BETWEEN 15 AND 120),
  answer_limit_s double precision NOT NULL DEFAULT 2 CHECK (answer_limit_s BETWEEN 0 AND 60),
  wrap_up_s double precision NOT NULL DEFAULT 15 CHECK (wrap_up_s BETWEEN 0 AND 3600),
  talk_max_s double precision NOT NULL DEFAULT 3600 CHECK (talk_max_s BETWEEN 1 AND 86400),
  lines_max integer NOT NULL DEFAULT 100 CHECK (lines_max BETWEEN 1 AND 100000),
  message text[] NOT NULL DEFAULT '{}' CHECK (cardinality(message) <= 50),
  record boolean NOT NULL DEFAULT false,
  recall jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(recall) = 'object'),
  window_start time NOT NULL DEFAULT '09:00',
  window_end time NOT NULL DEFAULT '20:00',
  weekdays smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}'
    CHECK (weekdays <@ '{1,2,3,4,5,6,7}' AND cardinality(weekdays) >= 1),
  require_consent boolean NOT NULL DEFAULT false,
  created_by integer REFERENCES users ON DELETE RESTRICT,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  archived_at timestamptz,
  CHECK (window_start < window_end),
  CHECK (archived_at IS NULL OR status IN ('draft', 'stopped'))
);
COMMENT ON COLUMN campaigns.ring_timeout_s IS 'at least 15 s: 16 CFR 310.4(b)(4)(ii)';
COMMENT ON COLUMN campaigns.window_start IS 'the lead''s local time; inside the 08:00-21:00 of 16 CFR 310.4(c)';
COMMENT ON COLUMN campaigns.weekdays IS 'ISO: 1 Monday .. 7 Sunday, in the lead''s local time';
CREATE INDEX campaigns_status ON campaigns (status, created_by);
CREATE UNIQUE INDEX campaigns_name ON campaigns (lower(name)) WHERE archived_at IS NULL;
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON campaigns
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('facts refer to campaigns; set archived_at instead');

CREATE FUNCTION check_hang_up_trunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- FOR SHARE: the trunk cannot stop being a test trunk while this commits.
  IF NEW.answer_action = 'hang_up'
     AND NOT EXISTS (SELECT FROM trunks WHERE name = NEW.trunk AND test FOR SHARE) THEN
    RAISE EXCEPTION 'answer action hang_up is allowed on test trunks only, % is none', NEW.trunk
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hang_up_only_on_test_trunks';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hang_up_only_on_test_trunks BEFORE INSERT OR UPDATE OF answer_action, trunk ON campaigns
  FOR EACH ROW EXECUTE FUNCTION check_hang_up_trunk();

CREATE FUNCTION check_trunk_stays_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.test AND NOT NEW.test
     AND EXISTS (SELECT FROM campaigns WHERE trunk = NEW.name AND answer_action = 'hang_up') THEN
    RAISE EXCEPTION 'trunk % must stay a test trunk: campaigns hang up answers on it', NEW.name
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hang_up_only_on_test_trunks';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stays_test BEFORE UPDATE OF test ON trunks
  FOR EACH ROW EXECUTE FUNCTION check_trunk_stays_test();

CREATE TABLE import_batches (
  batch_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  campaign_id integer NOT NULL REFERENCES campaigns ON DELETE RESTRICT,
  file_name text NOT NULL DEFAULT '',
  imported integer NOT NULL DEFAULT 0,
  rejected integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE import_errors (
  batch_id integer NOT NULL REFERENCES import_batches ON DELETE CASCADE,
  line integer NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (batch_id, line)
);

COMMENT ON TABLE import_errors IS 'Without the lines'' text: a number must not outlive its lead here.';

CREATE TABLE autodialer_leads (
  lead_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  campaign_id_ref integer NOT NULL REFERENCES campaigns ON DELETE RESTRICT,
  status text NOT NULL DEFAULT 'new'
    CHECK (status IN ('new', 'dialing', 'waiting', 'done', 'excluded', 'deleted')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  slot_id integer,
  priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9),
  next_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  batch_id integer REFERENCES import_batches ON DELETE RESTRICT,
  result text,
  phone_number text CHECK (phone_number ~ '^\+[1-9][0-9]{4,14}$'),
  zones text[] NOT NULL DEFAULT '{UTC}' CHECK (cardinality(zones) BETWEEN 1 AND 400),
  lead_data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(lead_data) = 'object'),
  CONSTRAINT deleted_is_anonymous CHECK (
    CASE WHEN status = 'deleted' THEN phone_number IS NULL AND lead_data = '{}' ELSE phone_number IS NOT NULL END)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
COMMENT ON COLUMN autodialer_leads.zones IS 'every time zone the number may lie in; all must allow the call';
COMMENT ON COLUMN autodialer_leads.priority IS '9 is dialed first';
CREATE UNIQUE INDEX autodialer_leads_number ON autodialer_leads (phone_number, campaign_id_ref)
  WHERE status <> 'deleted';
CREATE INDEX autodialer_leads_status ON autodialer_leads (campaign_id_ref, status, phone_number);
CREATE INDEX autodialer_leads_due ON autodialer_leads (campaign_id_ref, priority DESC, next_at, lead_id)
  WHERE status IN ('new', 'waiting');
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON autodialer_leads
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('attempts refer to leads');

CREATE FUNCTION refuse_unknown_zones(p_zones text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_zone text;
BEGIN
  FOREACH v_zone IN ARRAY p_zones LOOP
    PERFORM now() AT TIME ZONE v_zone;
  END LOOP;
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE EXCEPTION 'time zone % is not known', v_zone
    USING ERRCODE = 'check_violation', CONSTRAINT = 'zones_known';
END $$;
COMMENT ON FUNCTION refuse_unknown_zones(text[]) IS
  'A zone PostgreSQL does not know would make every claim of its campaign fail.';

CREATE FUNCTION check_zones_of_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_unknown_zones(zones) FROM (SELECT DISTINCT zones FROM new_rows) AS distinct_zones;
  RETURN NULL;
END $$;
CREATE TRIGGER zones_known_insert AFTER INSERT ON autodialer_leads
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_zones_of_insert();

CREATE FUNCTION check_zones_of_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_unknown_zones(NEW.zones);
  RETURN NEW;
END $$;
-- Row level, because a column list (which spares the hot path) excludes transition tables.
CREATE TRIGGER zones_known_update BEFORE UPDATE OF zones ON autodialer_leads
  FOR EACH ROW EXECUTE FUNCTION check_zones_of_update();

CREATE FUNCTION anonymise_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE autodialer_leads
     SET status = 'deleted', phone_number = NULL, lead_data = '{}', result = NULL
   WHERE lead_id = OLD.lead_id AND status <> 'deleted';
  RETURN NULL;  -- the row stays: attempts and outcomes refer to it
END $$;
CREATE TRIGGER anonymised_instead BEFORE DELETE ON autodialer_leads
  FOR EACH ROW EXECUTE FUNCTION anonymise_lead();

CREATE FUNCTION anonymise_leads(p_leads bigint[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_changed integer;
BEGIN
  -- Locks are taken in the order of lead_id, as everywhere, so that bulk changes never deadlock.
  PERFORM 1 FROM autodialer_leads WHERE lead_id = ANY (p_leads) ORDER BY lead_id FOR UPDATE;
  UPDATE autodialer_leads
     SET status = 'deleted', phone_number = NULL, lead_data = '{}', result = NULL
   WHERE lead_id = ANY (p_leads) AND status <> 'deleted';
  GET DIAGNOSTICS v_changed = ROW_COUNT;
  RETURN v_changed;
END $$;
COMMENT ON FUNCTION anonymise_leads(bigint[]) IS 'Delete leads in bulk: one statement, one statistics delta.';

CREATE TABLE do_not_call (
  phone_number text PRIMARY KEY CHECK (phone_number ~ '^\+[1-9][0-9]{4,14}$'),
  reason text NOT NULL DEFAULT '',
  added_by integer REFERENCES users ON DELETE RESTRICT,
  added_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION exclude_do_not_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH hit AS MATERIALIZED (
    SELECT l.lead_id FROM autodialer_leads l JOIN new_rows n USING (phone_number)
     WHERE l.status IN ('new', 'waiting') ORDER BY l.lead_id FOR UPDATE OF l)
  UPDATE autodialer_leads l SET status = 'excluded', result = 'do_not_call' FROM hit WHERE l.lead_id = hit.lead_id;
  RETURN NULL;
END $$;
CREATE TRIGGER leads_excluded AFTER INSERT ON do_not_call
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION exclude_do_not_call();

CREATE TABLE consents (
  consent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  phone_number text NOT NULL CHECK (phone_number ~ '^\+[1-9][0-9]{4,14}$'),
  campaign_id integer REFERENCES campaigns ON DELETE RESTRICT,
  evidence text NOT NULL CHECK (evidence <> ''),
  given_at timestamptz NOT NULL,
  expires_at timestamptz,
  withdrawn_at timestamptz
);
COMMENT ON COLUMN consents.campaign_id IS 'NULL: for every campaign';
CREATE INDEX consents_number ON consents (phone_number);

CREATE FUNCTION has_consent(p_number text, p_campaign integer, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM consents
     WHERE phone_number = p_number AND (campaign_id IS NULL OR campaign_id = p_campaign)
       AND given_at <= p_now AND withdrawn_at IS NULL AND (expires_at IS NULL OR expires_at > p_now))
$$;

CREATE FUNCTION readmit_consenting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH hit AS MATERIALIZED (
    SELECT l.lead_id FROM autodialer_leads l JOIN new_rows n USING (phone_number)
     WHERE l.status = 'excluded' AND l.result = 'no_consent'
       AND (n.campaign_id IS NULL OR n.campaign_id = l.campaign_id_ref)
     ORDER BY l.lead_id FOR UPDATE OF l)
  UPDATE autodialer_leads l SET status = 'waiting', result = NULL FROM hit WHERE l.lead_id = hit.lead_id;
  RETURN NULL;
END $$;
CREATE TRIGGER leads_readmitted AFTER INSERT ON consents
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION readmit_consenting();
