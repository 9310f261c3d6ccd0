"""The nodes of a script, by what they are for (pure)."""
