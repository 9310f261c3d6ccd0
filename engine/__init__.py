"""VSS engine: an open call-control engine for Asterisk."""

__version__ = "0.1.0"
