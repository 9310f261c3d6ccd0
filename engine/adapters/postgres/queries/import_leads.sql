-- Make leads of the staged lines; returns how many, how many of them must not be called, and the lines known before.
WITH added AS (
  INSERT INTO autodialer_leads (campaign_id_ref, batch_id, phone_number, zones, lead_data, status, result)
  SELECT $1, $2, i.phone_number, i.zones, i.lead_data,
         CASE WHEN d.phone_number IS NULL THEN 'new' ELSE 'excluded' END,
         CASE WHEN d.phone_number IS NOT NULL THEN 'do_not_call' END
    FROM import_lines i LEFT JOIN do_not_call d ON d.phone_number = i.phone_number
   ORDER BY i.line
  ON CONFLICT (phone_number, campaign_id_ref) WHERE status <> 'deleted' DO NOTHING
  RETURNING phone_number, status
)
SELECT count(a.phone_number) AS imported,
       count(*) FILTER (WHERE a.status = 'excluded') AS excluded,
       coalesce(array_agg(i.line ORDER BY i.line) FILTER (WHERE a.phone_number IS NULL), '{}') AS known_lines,
       coalesce(array_agg(i.phone_number ORDER BY i.line) FILTER (WHERE a.phone_number IS NULL), '{}') AS known_numbers
  FROM import_lines i LEFT JOIN added a ON a.phone_number = i.phone_number
