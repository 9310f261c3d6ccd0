"""The spool: what cannot be written to PostgreSQL now, on disk until it can be."""

from .files import FileSpool, FileSpools

__all__ = ["FileSpool", "FileSpools"]
