-- Abandoned calls: versioned definitions over the stored facts, and what the pacer remembers.

CREATE TABLE abandonment_definitions (
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{0,31}$'),
  version integer NOT NULL CHECK (version >= 1),
  law text NOT NULL,
  limit_ratio double precision NOT NULL CHECK (limit_ratio > 0 AND limit_ratio < 1),
  period text NOT NULL CHECK (period IN ('campaign', 'day', 'month')),
  window_s double precision NOT NULL CHECK (window_s > 0),
  zone text NOT NULL,
  connect_limit_s double precision NOT NULL CHECK (connect_limit_s > 0),
  counted_from text NOT NULL CHECK (counted_from IN ('greeting_end', 'answer')),
  add_false_positives boolean NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, version)
);
COMMENT ON TABLE abandonment_definitions IS
  'What counts as abandoned. Append-only: a law that changes gets a new version, and the older one still computes what it did.';
COMMENT ON COLUMN abandonment_definitions.period IS
  'campaign: successive windows of window_s from the first start; day, month: of the calendar in zone';
COMMENT ON COLUMN abandonment_definitions.counted_from IS
  'where connect_limit_s begins; greeting_end: of the person''s greeting, else when they were there, else the answer';
COMMENT ON COLUMN abandonment_definitions.add_false_positives IS
  'people whom the machine detection dropped count as abandoned, as an estimate';

-- The same as engine/dialer/jurisdictions.json, version 1 (a test compares them).
INSERT INTO abandonment_definitions
  (name, version, law, limit_ratio, period, window_s, zone, connect_limit_s, counted_from, add_false_positives)
VALUES
  ('us-ftc', 1, '16 CFR 310.4(b)(1)(iv), (b)(4)', 0.03, 'campaign', 2592000, 'UTC', 2, 'greeting_end', false),
  ('us-fcc', 1, '47 CFR 64.1200(a)(7)', 0.03, 'campaign', 2592000, 'UTC', 2, 'greeting_end', false),
  ('uk-ofcom', 1, 'Ofcom, persistent misuse statement', 0.03, 'day', 86400, 'Europe/London', 2, 'answer', true),
  ('ca-crtc', 1, 'CRTC Unsolicited Telecommunications Rules', 0.05, 'month', 2592000, 'America/Toronto', 2,
   'greeting_end', false),
  ('de', 1, 'UWG par. 7, case by case', 0.01, 'day', 86400, 'Europe/Berlin', 2, 'answer', true),
  ('ru', 1, '38-FZ art. 18, 41-FZ', 0.03, 'campaign', 2592000, 'UTC', 2, 'greeting_end', true),
  ('custom', 1, '', 0.03, 'campaign', 2592000, 'UTC', 2, 'greeting_end', true);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON abandonment_definitions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('add a new version: what an older one computed must not change');

CREATE FUNCTION check_definition_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_unknown_zones(ARRAY[NEW.zone]);
  RETURN NEW;
END $$;
CREATE TRIGGER zone_known BEFORE INSERT ON abandonment_definitions
  FOR EACH ROW EXECUTE FUNCTION check_definition_zone();

-- Answers by people, and nothing else: most attempts end without one, and their inserts do not touch it.
CREATE INDEX outcomes_answered ON outcomes (campaign_id, answered_at)
  WHERE answered_at IS NOT NULL AND machine IS DISTINCT FROM 'machine';

CREATE FUNCTION abandonment_answers(
  p_campaign integer, p_definition text, p_version integer, p_from timestamptz, p_to timestamptz
) RETURNS TABLE (attempt_id uuid, answered_at timestamptz, settled_at timestamptz, kind text)
LANGUAGE plpgsql STABLE
-- Through the index also where the table was never analysed: one campaign's window, never all outcomes.
SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  d abandonment_definitions;
  v_limit interval;
BEGIN
  SELECT * INTO d FROM abandonment_definitions WHERE name = p_definition AND version = p_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no definition % version %', p_definition, p_version USING ERRCODE = 'no_data_found';
  END IF;
  v_limit := make_interval(secs => d.connect_limit_s);
  RETURN QUERY
  SELECT o.attempt_id, o.answered_at, coalesce(o.bridged_at, o.message_at, o.ended_at),
         CASE
           WHEN o.bridged_at IS NOT NULL
             THEN CASE WHEN o.bridged_at <= b.begins_at + v_limit THEN 'connected' ELSE 'abandoned' END
           WHEN o.outcome = 'answered' THEN 'connected'
           -- Without agents: the message was what the call was for.
           WHEN o.outcome = 'customer_hangup' AND o.message_at IS NOT NULL THEN 'connected'
           WHEN (o.outcome = 'customer_hangup' OR (o.hangup_by = 'customer' AND o.outcome <> 'abandoned'))
                AND o.ended_at <= b.begins_at + v_limit THEN 'customer_gone'
           ELSE 'abandoned'
         END
    FROM outcomes o
   CROSS JOIN LATERAL (
     SELECT CASE d.counted_from WHEN 'answer' THEN o.answered_at
                 ELSE coalesce(o.greeting_end_at, o.live_at, o.answered_at) END AS begins_at) b
   WHERE o.campaign_id = p_campaign AND o.answered_at >= p_from AND o.answered_at < p_to
     AND o.answered_at IS NOT NULL AND o.machine IS DISTINCT FROM 'machine';
END $$;
COMMENT ON FUNCTION abandonment_answers(integer, text, integer, timestamptz, timestamptz) IS
  'Calls of a campaign that people answered in [p_from, p_to), and what each counts as under a definition.';

CREATE FUNCTION abandonment(
  p_campaign integer, p_definition text, p_version integer, p_from timestamptz, p_to timestamptz,
  p_fp_rate double precision DEFAULT 0
) RETURNS TABLE (
  live bigint, abandoned bigint, false_positives double precision, customer_gone bigint, ratio double precision
) LANGUAGE sql STABLE AS $$
  SELECT c.live, c.abandoned, f.n, c.customer_gone,
         CASE c.live WHEN 0 THEN 0 ELSE (c.abandoned + f.n) / (c.live + f.n) END
    FROM (SELECT count(*) FILTER (WHERE kind <> 'customer_gone') AS live,
                 count(*) FILTER (WHERE kind = 'abandoned') AS abandoned,
                 count(*) FILTER (WHERE kind = 'customer_gone') AS customer_gone
            FROM abandonment_answers(p_campaign, p_definition, p_version, p_from, p_to)) c
   CROSS JOIN LATERAL (
     -- Of N people the detection lets (1 - fp) N through, the live answers, and drops fp N = live fp / (1 - fp).
     SELECT CASE WHEN d.add_false_positives THEN c.live * p_fp_rate / (1 - p_fp_rate) ELSE 0 END AS n
       FROM abandonment_definitions d WHERE d.name = p_definition AND d.version = p_version) f
$$;
COMMENT ON FUNCTION abandonment(integer, text, integer, timestamptz, timestamptz, double precision) IS
  'Live answers of a campaign in [p_from, p_to) and how many were abandoned, under one version of a definition.';

CREATE FUNCTION abandonment_period(p_period text, p_window_s double precision, p_zone text, p_began timestamptz,
                                   p_now timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE p_period
    WHEN 'campaign' THEN p_began + make_interval(
      secs => p_window_s * greatest(0, floor(extract(epoch FROM p_now - p_began)::float8 / p_window_s)))
    ELSE date_trunc(p_period, p_now, p_zone)
  END
$$;
COMMENT ON FUNCTION abandonment_period(text, double precision, text, timestamptz, timestamptz) IS
  'When the period began that p_now is in; p_began: the campaign''s first start.';

CREATE TABLE pacing_states (
  campaign_id integer PRIMARY KEY REFERENCES campaigns ON DELETE RESTRICT,
  at timestamptz NOT NULL,
  state json NOT NULL
);
COMMENT ON COLUMN pacing_states.state IS
  'json, not jsonb: the text is kept as written, so every number comes back exactly (jsonb: -0.0 as 0, 1e22 as an integer)';
