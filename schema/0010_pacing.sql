-- Pacing: how campaigns are paced, and what is known of each answered call.

ALTER TABLE campaigns
  DROP CONSTRAINT campaigns_dial_mode_check,
  ADD CONSTRAINT campaigns_dial_mode_check
    CHECK (dial_mode IN ('progressive', 'power', 'predictive', 'preview', 'agentless')),
  ADD COLUMN jurisdiction text NOT NULL DEFAULT 'us-ftc' CHECK (jurisdiction ~ '^[a-z][a-z0-9-]{0,31}$'),
  ADD COLUMN abandon_limit double precision CHECK (abandon_limit > 0 AND abandon_limit < 1),
  ADD COLUMN fp_rate double precision NOT NULL DEFAULT 0 CHECK (fp_rate >= 0 AND fp_rate < 1),
  ADD COLUMN lines_per_agent double precision NOT NULL DEFAULT 1.5 CHECK (lines_per_agent BETWEEN 1 AND 20),
  ADD COLUMN lines_per_agent_max double precision NOT NULL DEFAULT 10 CHECK (lines_per_agent_max BETWEEN 1 AND 100),
  ADD COLUMN pool_weight double precision NOT NULL DEFAULT 1 CHECK (pool_weight > 0 AND pool_weight <= 100),
  ADD COLUMN small_team boolean NOT NULL DEFAULT true,
  ADD COLUMN cancel boolean NOT NULL DEFAULT true,
  ADD COLUMN preview_limit_s double precision NOT NULL DEFAULT 120 CHECK (preview_limit_s BETWEEN 5 AND 3600),
  ADD COLUMN identity_text text NOT NULL DEFAULT '' CHECK (length(identity_text) <= 1000),
  ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$'),
  ADD COLUMN opt_out_digit text NOT NULL DEFAULT '9' CHECK (opt_out_digit ~ '^[0-9*#]?$');
COMMENT ON COLUMN campaigns.abandon_limit IS 'abandoned of live answers; NULL: the limit of the jurisdiction';
COMMENT ON COLUMN campaigns.fp_rate IS 'share of people whom the machine detection takes for machines';

ALTER TABLE outcomes
  DROP CONSTRAINT outcomes_outcome_check,
  ADD CONSTRAINT outcomes_outcome_check CHECK (outcome IN (
    'answered', 'abandoned', 'customer_hangup', 'busy', 'no_answer', 'declined', 'invalid_number', 'unreachable',
    'congestion', 'failed', 'cancelled', 'not_dialed', 'skipped', 'engine_error', 'unknown')),
  ADD COLUMN live_at timestamptz,
  ADD COLUMN greeting_end_at timestamptz,
  ADD COLUMN message_at timestamptz,
  ADD COLUMN opted_out_at timestamptz,
  ADD COLUMN machine text CHECK (machine IN ('person', 'machine', 'unknown')),
  ADD COLUMN note text CHECK (length(note) <= 500);
COMMENT ON COLUMN outcomes.live_at IS 'a person was there, ready for an agent';
COMMENT ON COLUMN outcomes.machine IS 'the machine detection''s verdict; NULL: there was no detection';
COMMENT ON COLUMN outcomes.message_at IS 'the identity message began';

-- The new arguments come last and may be left out, so an engine of the version before goes on writing.
DROP FUNCTION record_outcomes(uuid[], text[], integer[], integer[], double precision[], double precision[],
  double precision[], double precision[], text[], integer[], text[], double precision[]);
CREATE FUNCTION record_outcomes(
  p_attempts uuid[], p_outcomes text[], p_causes integer[], p_sip_codes integer[],
  p_ringing double precision[], p_answered double precision[], p_bridged double precision[],
  p_ended double precision[], p_hangup_by text[], p_slots integer[],
  p_statuses text[], p_next double precision[],
  p_live double precision[] DEFAULT NULL, p_greeting_end double precision[] DEFAULT NULL,
  p_machine text[] DEFAULT NULL, p_message double precision[] DEFAULT NULL,
  p_opted_out double precision[] DEFAULT NULL, p_notes text[] DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_recorded integer;
BEGIN
  -- Inserted in the order of attempt_id, leads updated in the order of lead_id: two writers with the same facts, or
  -- a writer and a bulk change, wait for each other but never in a circle.
  WITH fact AS MATERIALIZED (
    SELECT f.*, a.lead_id, a.campaign_id
      FROM unnest(p_attempts, p_outcomes, p_causes, p_sip_codes, p_ringing, p_answered, p_bridged, p_ended,
                  p_hangup_by, p_slots, p_statuses, p_next, p_live, p_greeting_end, p_machine, p_message,
                  p_opted_out, p_notes)
           AS f(attempt_id, outcome, cause, sip_code, ringing, answered, bridged, ended, hangup_by, slot_id,
                lead_status, next, live, greeting_end, machine, message, opted_out, note)
      JOIN attempts a ON a.attempt_id = f.attempt_id
     ORDER BY f.attempt_id
  ), fresh AS (
    INSERT INTO outcomes (attempt_id, lead_id, campaign_id, outcome, cause, sip_code, ringing_at, answered_at,
                          bridged_at, ended_at, hangup_by, slot_id, lead_status, next_at, live_at, greeting_end_at,
                          machine, message_at, opted_out_at, note)
    SELECT attempt_id, lead_id, campaign_id, outcome, cause, sip_code, to_timestamp(ringing), to_timestamp(answered),
           to_timestamp(bridged), to_timestamp(ended), hangup_by, slot_id, lead_status, to_timestamp(next),
           to_timestamp(live), to_timestamp(greeting_end), machine, to_timestamp(message), to_timestamp(opted_out),
           note
      FROM fact
    ON CONFLICT (attempt_id) DO NOTHING
    RETURNING lead_id, outcome, slot_id, lead_status, next_at
  ), ordered AS MATERIALIZED (
    SELECT * FROM fresh ORDER BY lead_id
  ), marked AS (
    UPDATE autodialer_leads l
       SET status = CASE l.status WHEN 'excluded' THEN 'excluded' ELSE o.lead_status END,
           result = o.outcome,
           slot_id = coalesce(o.slot_id, l.slot_id),
           next_at = coalesce(o.next_at, l.next_at),
           attempts = CASE o.outcome WHEN 'not_dialed' THEN greatest(l.attempts - 1, 0) ELSE l.attempts END
      FROM ordered o
     WHERE l.lead_id = o.lead_id AND l.status <> 'deleted'
  )
  SELECT count(*) INTO v_recorded FROM ordered;
  RETURN v_recorded;
END $$;
COMMENT ON FUNCTION record_outcomes(uuid[], text[], integer[], integer[], double precision[], double precision[],
  double precision[], double precision[], text[], integer[], text[], double precision[], double precision[],
  double precision[], text[], double precision[], double precision[], text[]) IS
  'Append outcomes, at most one per attempt, close their attempts and move their leads on; returns how many were new.';
