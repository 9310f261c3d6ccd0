-- Create a campaign as a draft, if its trunk exists. Python's time lacks 24:00; its last microsecond stands for it.
INSERT INTO campaigns (name, trunk, caller_id, dial_mode, answer_action, pool, ring_timeout_s, answer_limit_s,
                       wrap_up_s, talk_max_s, lines_max, message, record, recall, window_start, window_end, weekdays,
                       require_consent, jurisdiction, abandon_limit, fp_rate, lines_per_agent, lines_per_agent_max,
                       pool_weight, small_team, cancel, preview_limit_s, identity_text, language, opt_out_digit)
SELECT $1, t.name, coalesce(nullif($3, ''), t.caller_id), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       CASE $16::time WHEN '23:59:59.999999' THEN '24:00' ELSE $16::time END, $17, $18, $19, $20,
       $21, $22, $23, $24, $25, $26, $27, $28, $29, $30
  FROM trunks t WHERE t.name = $2
RETURNING campaign_id, name, status, dial_mode, answer_action, pool, trunk, caller_id, ring_timeout_s, answer_limit_s,
          wrap_up_s, talk_max_s, lines_max, message, record, recall, jurisdiction, abandon_limit, fp_rate,
          lines_per_agent, lines_per_agent_max, pool_weight, small_team, cancel, require_consent, preview_limit_s,
          identity_text, language, opt_out_digit
