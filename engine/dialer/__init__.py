"""The dialer: campaigns, leads and pacing (pure)."""
