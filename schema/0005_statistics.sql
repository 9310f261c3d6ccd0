-- A campaign's statistics: deltas appended per statement, folded in the background; their sum is always the recount.

CREATE TABLE campaign_stats_deltas (
  campaign_id integer NOT NULL,
  n integer NOT NULL,
  talk_ms bigint NOT NULL DEFAULT 0,
  kind text NOT NULL,
  key text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
        vacuum_truncate = off);
COMMENT ON TABLE campaign_stats_deltas IS
  'kind lead: n leads more in status key; kind outcome: n attempts more that ended as key. No index, no foreign key: '
  'writers only append and never meet. vacuum_truncate is off because truncation would lock writers out.';

CREATE TABLE campaign_stats (
  campaign_id integer NOT NULL,
  kind text NOT NULL,
  key text NOT NULL,
  n bigint NOT NULL,
  talk_ms bigint NOT NULL,
  PRIMARY KEY (campaign_id, kind, key)
);
COMMENT ON TABLE campaign_stats IS 'Folded deltas; written by compact_campaign_stats() only.';

CREATE FUNCTION update_campaign_stats() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
  IF TG_TABLE_NAME = 'outcomes' THEN
    INSERT INTO campaign_stats_deltas (campaign_id, kind, key, n, talk_ms)
    SELECT campaign_id, 'outcome', outcome, count(*), sum(talk_ms) FROM new_rows GROUP BY campaign_id, outcome;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO campaign_stats_deltas (campaign_id, kind, key, n)
    SELECT campaign_id_ref, 'lead', status, sum(n)
      FROM (SELECT campaign_id_ref, status, 1 AS n FROM new_rows
            UNION ALL SELECT campaign_id_ref, status, -1 FROM old_rows) AS moved
     GROUP BY campaign_id_ref, status HAVING sum(n) <> 0;
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO campaign_stats_deltas (campaign_id, kind, key, n)
    SELECT campaign_id_ref, 'lead', status, count(*) FROM new_rows GROUP BY campaign_id_ref, status;
  ELSE
    INSERT INTO campaign_stats_deltas (campaign_id, kind, key, n)
    SELECT campaign_id_ref, 'lead', status, -count(*) FROM old_rows GROUP BY campaign_id_ref, status;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER statistics_insert AFTER INSERT ON autodialer_leads
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION update_campaign_stats();
CREATE TRIGGER statistics_update AFTER UPDATE ON autodialer_leads
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION update_campaign_stats();
CREATE TRIGGER statistics_delete AFTER DELETE ON autodialer_leads
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION update_campaign_stats();
CREATE TRIGGER statistics_insert AFTER INSERT ON outcomes
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION update_campaign_stats();

CREATE FUNCTION compact_campaign_stats(p_deltas_max integer DEFAULT 50000) RETURNS integer LANGUAGE plpgsql
SET jit = off AS $$
DECLARE
  v_folded integer;
BEGIN
  -- One compactor at a time; writers never wait for it, because it touches only rows that are already committed.
  IF NOT pg_try_advisory_xact_lock(hashtext('compact_campaign_stats')) THEN
    RETURN 0;
  END IF;
  PERFORM set_config('vss.compacting', 'on', true);
  WITH taken AS (
    DELETE FROM campaign_stats_deltas
     WHERE ctid = ANY (ARRAY(SELECT ctid FROM campaign_stats_deltas LIMIT p_deltas_max))
    RETURNING campaign_id, kind, key, n, talk_ms
  ), folded AS (
    INSERT INTO campaign_stats AS s (campaign_id, kind, key, n, talk_ms)
    SELECT campaign_id, kind, key, sum(n), sum(talk_ms) FROM taken GROUP BY campaign_id, kind, key
    ON CONFLICT (campaign_id, kind, key) DO UPDATE SET n = s.n + excluded.n, talk_ms = s.talk_ms + excluded.talk_ms
  )
  SELECT count(*) INTO v_folded FROM taken;
  PERFORM set_config('vss.compacting', '', true);
  RETURN v_folded;
END $$;
COMMENT ON FUNCTION compact_campaign_stats(integer) IS
  'Fold at most so many deltas; returns how many. The sum does not change at any commit. Call it every few seconds.';

CREATE TRIGGER triggers_only BEFORE INSERT OR UPDATE OR DELETE ON campaign_stats_deltas
  FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0 AND current_setting('vss.compacting', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION refuse_change('statistics follow the facts');
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON campaign_stats_deltas
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('statistics follow the facts');
CREATE TRIGGER triggers_only BEFORE INSERT OR UPDATE OR DELETE ON campaign_stats
  FOR EACH STATEMENT WHEN (current_setting('vss.compacting', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION refuse_change('statistics follow the facts');
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON campaign_stats
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('statistics follow the facts');

CREATE VIEW campaign_statistics AS
  SELECT campaign_id, kind, key, sum(n)::bigint AS n, sum(talk_ms)::bigint AS talk_ms
    FROM (SELECT campaign_id, kind, key, n::bigint AS n, talk_ms FROM campaign_stats_deltas
          UNION ALL SELECT campaign_id, kind, key, n, talk_ms FROM campaign_stats) AS parts
   GROUP BY campaign_id, kind, key HAVING sum(n) <> 0;
COMMENT ON VIEW campaign_statistics IS 'As the triggers kept them.';

CREATE VIEW campaign_recount AS
  SELECT campaign_id_ref AS campaign_id, 'lead' AS kind, status AS key, count(*) AS n, 0::bigint AS talk_ms
    FROM autodialer_leads GROUP BY campaign_id_ref, status
  UNION ALL
  SELECT a.campaign_id, 'outcome', o.outcome, count(*), sum(o.talk_ms)::bigint
    FROM outcomes o JOIN attempts a USING (attempt_id) GROUP BY a.campaign_id, o.outcome;
COMMENT ON VIEW campaign_recount IS 'The same figures counted from leads and outcomes; equal at every commit.';
