"""Plots as SVG without a library: readable on light and dark paper, the same bytes for the same figures."""
