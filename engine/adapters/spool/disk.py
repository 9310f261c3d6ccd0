"""What a spool asks of the disk: the seam at which tests let it be full, broken or slow."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Disk:
    """The real one. Every method raises OSError."""

    def create(self, path: Path) -> int:
        """A new private file, for appending, that nobody else takes for left behind; its descriptor."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        return file

    def take(self, path: Path) -> int:
        """A file that was left behind, for reading; its descriptor. BlockingIOError: its writer lives."""
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        return file

    def read(self, file: int) -> bytes:
        """All of it."""
        with os.fdopen(os.dup(file), "rb") as stream:
            return stream.read()

    def write(self, file: int, data: bytes) -> int:
        """Append what fits; returns how many bytes that was."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        """Return once the file is where it survives a loss of power."""
        os.fdatasync(file)

    def cut(self, file: int, length: int) -> None:
        """Give a file its earlier length back."""
        os.ftruncate(file, length)

    def close(self, file: int) -> None:
        """Close it, and with it the claim to it."""
        with suppress(OSError):
            os.close(file)

    def sync_names(self, directory: Path) -> None:
        """Return once the directory's files are called what they are called now."""
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
