"""Who this process is, which other processes of the pipeline live, and the watches that it works for."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from walkaround.buckets.buckets import Buckets
from walkaround.errors import BucketError, InputError
from walkaround.hosting.jobs.presence import Presence
from walkaround.hosting.owner import Owner
from walkaround.pipeline.spec import WatchSpec
from walkaround.pipeline.watches import active_watches, map_folder
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.pipeline import Watch

_FRESH_SECONDS = 2.0


class Contact:
    """Whether leases that have lapsed are those of the dead: after an outage of the database nobody could renew any.

    For one thread.
    """

    def __init__(self, lease: float) -> None:
        """In contact with the database now; leases last so many seconds."""
        self._lease, self._made, self._sure_from = lease, monotonic(), 0.0

    def sure(self) -> bool:
        """To be asked when the database has answered: not within a lease's time after this process was cut off from it."""
        moment = monotonic()
        if moment - self._made > self._lease / 2:  # long before they lapse: who was cut off too may come back later
            self._sure_from = moment + self._lease
        return moment >= self._sure_from

    def made(self) -> None:
        """Looking and renewing have succeeded."""
        self._made = monotonic()


class Owners:
    """This process among the others. Thread-safe.

    Attributes:
        name: of this process, for leases.
    """

    def __init__(self, database: Database, buckets: Buckets, settings: Settings, *, only: int | None = None) -> None:
        """Appear.

        Args:
            database: where the watches are.
            buckets: get the folders that are watched.
            settings: of the service.
            only: the watch that `walkaround watch` runs; None: all that a server runs.

        Raises:
            StorageError: the data folder cannot be written.
        """
        self._work = settings.data / "work"
        self._presence = Presence(self._work / "pipelines")
        self.name = self._presence.name
        self._database, self._buckets, self._only = database, buckets, only
        self._owner = Owner(account=settings.account, region=settings.region)
        self._files = {str(values.get("name")) for values in settings.watches}
        self._watches: Mapping[int, tuple[Watch, WatchSpec]] = {}
        self._read = -_FRESH_SECONDS
        self._gone: set[str] = set()  # arrivals and deliveries ask by turns, and the file of the dead is removed at once
        self._lock = threading.Lock()

    @property
    def watches(self) -> Sequence[tuple[Watch, WatchSpec]]:
        """The watches that this process works for, read again every two seconds.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._lock:
            if monotonic() - self._read >= _FRESH_SECONDS:
                with self._database.reading() as session:
                    found = active_watches(session, only=self._only, owner=self._owner, files=self._files)
                self._watches = {watch.id: (watch, spec) for watch, spec in found}
                self._read = monotonic()
                self._map_folders()
            return list(self._watches.values())

    @property
    def watch_ids(self) -> Collection[int]:
        """Their ids; of those that are paused too, because what has arrived is still looked at."""
        return [watch.id for watch, _ in self.watches]

    def dead(self, names: Collection[str]) -> list[str]:
        """Which of these processes have certainly ended; what they left behind is removed."""
        gone = [name for name in names if name in self._gone or self._presence.is_dead(name)]
        for name in set(gone) - self._gone:
            self._gone.add(name)
            self._presence.forget(name)
        return gone

    def folder(self, kind: str) -> Path:
        """Where this process may keep files of a kind while it works on them; not made yet."""
        return self._work / kind / self.name

    def sweep(self, kind: str) -> None:
        """Delete the files of a kind that processes have left which were killed."""
        with suppress(FileNotFoundError):
            for left in (self._work / kind).iterdir():
                if self._presence.has_gone(left.name):
                    shutil.rmtree(left, ignore_errors=True)

    def leave(self) -> None:
        """Disappear."""
        self._presence.leave()

    def _map_folders(self) -> None:
        for _, spec in self._watches.values():
            try:
                map_folder(self._buckets, spec)
            except (BucketError, InputError):
                continue  # its source says so in the watch's status
