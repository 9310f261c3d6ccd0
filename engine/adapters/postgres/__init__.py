"""PostgreSQL: campaigns, leads, attempts, outcomes, calls and the rest of the engine's memory."""
