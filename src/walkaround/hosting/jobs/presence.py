"""Which servers are alive, as far as this data folder tells: each holds a lock that ends with its process, however it ends."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from pathlib import Path

from walkaround.errors import writing


class Presence:
    """A locked file in the data folder. The kernel lets go of it at `kill -9`, where a lease would last for a while."""

    def __init__(self, folder: Path) -> None:
        """Appear under a new name.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.name = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(8)}"
        self._folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path(self.name), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_dead(self, name: str) -> bool:
        """Whether the server of this name has certainly ended; one that uses another data folder cannot be judged."""
        if name == self.name or os.sep in name:
            return False
        try:
            file = os.open(self._path(name), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def has_gone(self, name: str) -> bool:
        """Whether what is named after a server, and was made after it had appeared in this folder, is nobody's any more."""
        return name != self.name and (self.is_dead(name) or not self._path(name).exists())

    def is_alone(self) -> bool:
        """Whether no other server that uses this data folder lives."""
        others = [path for path in self._folder.glob("*.lock") if path.stem != self.name]
        return all(self.is_dead(path.stem) or not path.exists() for path in others)

    def forget(self, name: str) -> None:
        """Remove what a dead server left."""
        self._path(name).unlink(missing_ok=True)

    def leave(self) -> None:
        """Disappear."""
        self._path(self.name).unlink(missing_ok=True)
        os.close(self._file)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"
