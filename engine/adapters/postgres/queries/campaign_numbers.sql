-- Statistics of all campaigns that are not archived, as the triggers keep them; attempts include open ones.
SELECT c.campaign_id,
       coalesce(jsonb_object_agg(s.key, s.n) FILTER (WHERE s.kind = 'lead'), '{}') AS leads,
       coalesce(jsonb_object_agg(s.key, s.n) FILTER (WHERE s.kind = 'outcome'), '{}') AS outcomes,
       (coalesce(sum(s.n) FILTER (WHERE s.kind = 'outcome'), 0)
        + (SELECT count(*) FROM open_attempts o WHERE o.campaign_id = c.campaign_id))::bigint AS attempts
  FROM campaigns c LEFT JOIN campaign_statistics s USING (campaign_id)
 WHERE c.archived_at IS NULL GROUP BY c.campaign_id ORDER BY c.campaign_id
