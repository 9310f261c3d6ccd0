"""The call: its legs, events, commands and machine (pure)."""
