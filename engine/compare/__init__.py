"""Comparing pacing rules: the work spread over the cores, kept on disk, written down and drawn."""
