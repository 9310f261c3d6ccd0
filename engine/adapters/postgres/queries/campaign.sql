-- One campaign.
SELECT campaign_id, name, status, dial_mode, answer_action, pool, trunk, caller_id, ring_timeout_s, answer_limit_s,
       wrap_up_s, talk_max_s, lines_max, message, record, recall
  FROM campaigns WHERE campaign_id = $1
