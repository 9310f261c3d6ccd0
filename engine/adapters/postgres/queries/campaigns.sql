-- Campaigns that are not archived.
SELECT campaign_id, name, status, dial_mode, answer_action, pool, trunk, caller_id, ring_timeout_s, answer_limit_s,
       wrap_up_s, talk_max_s, lines_max, message, record, recall, jurisdiction, abandon_limit, fp_rate, lines_per_agent,
       lines_per_agent_max, pool_weight, small_team, cancel, require_consent, preview_limit_s, identity_text, language,
       opt_out_digit
  FROM campaigns WHERE archived_at IS NULL ORDER BY campaign_id
