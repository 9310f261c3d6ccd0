-- Fold statistics deltas; returns how many.
SELECT compact_campaign_stats()
