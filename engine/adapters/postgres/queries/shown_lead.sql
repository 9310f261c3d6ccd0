-- The lead of an attempt as its agent sees it, and why it may not be dialed any more: the claim's questions once more.
SELECT a.lead_id, a.campaign_id, coalesce(l.phone_number, '') AS phone_number, l.lead_data,
       CASE WHEN l.status = 'deleted' THEN 'lead_deleted'
            WHEN NOT EXISTS (SELECT FROM open_attempts o WHERE o.attempt_id = a.attempt_id AND o.lead_id = a.lead_id)
              THEN 'attempt_closed'
            WHEN EXISTS (SELECT FROM do_not_call n WHERE n.phone_number = l.phone_number)
              OR EXISTS (SELECT FROM campaign_do_not_call n
                          WHERE n.campaign_id = l.campaign_id_ref AND n.phone_number = l.phone_number) THEN 'do_not_call'
            WHEN c.require_consent AND NOT has_consent(l.phone_number, c.campaign_id, clock_timestamp())
              THEN 'no_consent'
            WHEN c.status <> 'running' THEN 'campaign_state'
            WHEN lead_opens_at(l.zones, clock_timestamp(), c.window_start, c.window_end, c.weekdays) > clock_timestamp()
              THEN 'window_closed'
       END AS barrier
  FROM attempts a
  JOIN autodialer_leads l ON l.lead_id = a.lead_id
  JOIN campaigns c ON c.campaign_id = a.campaign_id
 WHERE a.attempt_id = $1
