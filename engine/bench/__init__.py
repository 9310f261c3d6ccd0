"""The bench: the engine beside a bare loop over the same Asterisk, in turns, as ratios."""
