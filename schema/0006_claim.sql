-- Claiming leads: everything the law and the campaign ask is checked in the claim itself.

CREATE FUNCTION lead_opens_at(
  p_zones text[], p_now timestamptz, p_start time, p_end time, p_weekdays smallint[]
) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_zone text;
  v_local timestamp;
  v_opening timestamp;
  v_latest timestamptz := p_now;
BEGIN
  FOREACH v_zone IN ARRAY p_zones LOOP
    v_local := p_now AT TIME ZONE v_zone;
    CONTINUE WHEN v_local::time >= p_start AND v_local::time < p_end
              AND extract(isodow FROM v_local)::smallint = ANY (p_weekdays);
    FOR v_day IN 0..7 LOOP
      v_opening := v_local::date + v_day + p_start;
      IF v_opening > v_local AND extract(isodow FROM v_opening)::smallint = ANY (p_weekdays) THEN
        -- At least a minute ahead, should a change of clocks make the opening ambiguous.
        v_latest := greatest(v_latest, v_opening AT TIME ZONE v_zone, p_now + interval '1 minute');
        EXIT;
      END IF;
    END LOOP;
  END LOOP;
  RETURN v_latest;
END $$;
COMMENT ON FUNCTION lead_opens_at(text[], timestamptz, time, time, smallint[]) IS
  'p_now if every zone is inside the window, else the earliest instant at which every zone could be.';

CREATE FUNCTION claim_leads(
  p_campaign integer, p_attempts uuid[], p_trunk text, p_epoch bigint, p_now timestamptz DEFAULT NULL
) RETURNS TABLE (attempt_id uuid, lead_id bigint, phone_number text, attempts integer)
LANGUAGE plpgsql
-- The plan must always walk autodialer_leads_due in order and stop early, also on tables never analysed. For the same
-- reason the other tables are asked by scalar subqueries with LIMIT, which can only become one index look-up per lead:
-- EXISTS could become a scan of the whole do-not-call list.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_campaign campaigns;
  v_now timestamptz := coalesce(p_now, clock_timestamp());
  v_wanted integer := coalesce(cardinality(p_attempts), 0);
  v_taken integer := 0;
  v_level smallint := 10;
  v_ask integer;
  v_seen integer;
  v_all_day boolean;
  r record;
BEGIN
  SELECT * INTO v_campaign FROM campaigns WHERE campaign_id = p_campaign AND status = 'running';
  IF NOT FOUND OR v_wanted = 0 THEN
    RETURN;
  END IF;
  v_all_day := v_campaign.window_start = '00:00' AND v_campaign.window_end = '24:00'
           AND v_campaign.weekdays @> '{1,2,3,4,5,6,7}';
  v_ask := v_wanted;
  -- Leads that may not be called are excluded or put off until their window opens, so that the next claim does not
  -- meet them again; 20 rounds bound the work of one claim.
  FOR v_round IN 1..20 LOOP
    IF v_seen IS NULL OR v_seen < v_ask THEN
      SELECT l.priority INTO v_level FROM autodialer_leads l
       WHERE l.campaign_id_ref = p_campaign AND l.status IN ('new', 'waiting') AND l.priority < v_level
       ORDER BY l.priority DESC LIMIT 1;
      EXIT WHEN NOT FOUND;
    END IF;
    v_ask := CASE WHEN v_round = 1 THEN v_wanted ELSE greatest(v_wanted - v_taken, 500) END;
    v_seen := 0;
    FOR r IN
      WITH due AS MATERIALIZED (
        SELECT l.lead_id, l.phone_number, l.attempts, l.zones, l.next_at
          FROM autodialer_leads l
         WHERE l.campaign_id_ref = p_campaign AND l.status IN ('new', 'waiting')
           AND l.priority = v_level AND l.next_at <= v_now
           AND (SELECT true FROM open_attempts o WHERE o.lead_id = l.lead_id LIMIT 1) IS NULL
         ORDER BY l.next_at, l.lead_id LIMIT v_ask FOR NO KEY UPDATE OF l SKIP LOCKED
      ), judged AS MATERIALIZED (
        SELECT d.lead_id, d.phone_number, d.attempts, d.next_at,
               CASE WHEN (SELECT true FROM do_not_call n WHERE n.phone_number = d.phone_number LIMIT 1)
                      THEN 'do_not_call'
                    WHEN v_campaign.require_consent AND NOT has_consent(d.phone_number, p_campaign, v_now)
                      THEN 'no_consent' END AS excluded,
               CASE WHEN v_all_day THEN v_now
                    ELSE lead_opens_at(d.zones, v_now, v_campaign.window_start, v_campaign.window_end,
                                       v_campaign.weekdays) END AS opens_at
          FROM due d
      ), verdict AS MATERIALIZED (
        SELECT j.*, CASE WHEN j.excluded IS NOT NULL OR j.opens_at > v_now THEN NULL
                         ELSE v_taken + sum((j.excluded IS NULL AND j.opens_at <= v_now)::int)
                                        OVER (ORDER BY j.next_at, j.lead_id ROWS UNBOUNDED PRECEDING)
                    END AS place
          FROM judged j
      ), opened AS (
        INSERT INTO attempts (attempt_id, lead_id, campaign_id, trunk, epoch, ordinal, claimed_at)
        SELECT p_attempts[v.place::int], v.lead_id, p_campaign, p_trunk, p_epoch, v.attempts + 1, v_now
          FROM verdict v WHERE v.place <= v_wanted
      ), marked AS (
        UPDATE autodialer_leads l
           SET status = CASE WHEN v.place IS NOT NULL THEN 'dialing' WHEN v.excluded IS NOT NULL THEN 'excluded'
                             ELSE l.status END,
               attempts = l.attempts + (v.place IS NOT NULL)::int,
               result = coalesce(v.excluded, l.result),
               next_at = CASE WHEN v.place IS NULL AND v.excluded IS NULL THEN v.opens_at ELSE l.next_at END
          FROM verdict v WHERE l.lead_id = v.lead_id AND coalesce(v.place <= v_wanted, true)
      )
      SELECT v.place, v.lead_id, v.phone_number, v.attempts + 1 AS attempts FROM verdict v
    LOOP
      v_seen := v_seen + 1;
      IF r.place <= v_wanted THEN
        v_taken := v_taken + 1;
        attempt_id := p_attempts[r.place::int];
        lead_id := r.lead_id;
        phone_number := r.phone_number;
        attempts := r.attempts;
        RETURN NEXT;
      END IF;
    END LOOP;
    EXIT WHEN v_taken = v_wanted;
  END LOOP;
END $$;
COMMENT ON FUNCTION claim_leads(integer, uuid[], text, bigint, timestamptz) IS
  'Claim at most cardinality(p_attempts) leads of a running campaign and open an attempt for each.';
