-- Recording outcomes in batches.

CREATE FUNCTION record_outcomes(
  p_attempts uuid[], p_outcomes text[], p_causes integer[], p_sip_codes integer[],
  p_ringing double precision[], p_answered double precision[], p_bridged double precision[],
  p_ended double precision[], p_hangup_by text[], p_slots integer[],
  p_statuses text[], p_next double precision[]
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
                  p_hangup_by, p_slots, p_statuses, p_next)
           AS f(attempt_id, outcome, cause, sip_code, ringing, answered, bridged, ended, hangup_by, slot_id,
                lead_status, next)
      JOIN attempts a ON a.attempt_id = f.attempt_id
     ORDER BY f.attempt_id
  ), fresh AS (
    INSERT INTO outcomes (attempt_id, lead_id, campaign_id, outcome, cause, sip_code, ringing_at, answered_at,
                          bridged_at, ended_at, hangup_by, slot_id, lead_status, next_at)
    SELECT attempt_id, lead_id, campaign_id, outcome, cause, sip_code, to_timestamp(ringing), to_timestamp(answered),
           to_timestamp(bridged), to_timestamp(ended), hangup_by, slot_id, lead_status, to_timestamp(next)
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
  double precision[], double precision[], text[], integer[], text[], double precision[]) IS
  'Append outcomes, at most one per attempt, close their attempts and move their leads on; returns how many were new.';
