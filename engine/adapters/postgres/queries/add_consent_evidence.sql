-- What people said to questions of scripts; the first evidence of a request stays.
INSERT INTO consent_evidence (evidence_id, run_id, call_id, phone_number, kind, granted, prompt, locale, script_id,
                              campaign_id, at)
SELECT g.evidence_id, g.run_id, g.call_id, g.phone_number, g.kind, g.granted, g.prompt, g.locale, s.script_id,
       g.campaign_id, to_timestamp(g.at)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[],
              $9::text[], $10::integer[], $11::double precision[])
    AS g(evidence_id, run_id, call_id, phone_number, kind, granted, prompt, locale, hash, campaign_id, at)
  JOIN gacs_scripts AS s ON s.content_hash = g.hash
ON CONFLICT (evidence_id) DO NOTHING
