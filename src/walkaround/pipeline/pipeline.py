"""The pipeline of one process: sources, line and deliveries side by side, and what has to be looked after now and then."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from walkaround.buckets.buckets import Buckets
from walkaround.errors import UnavailableError, WalkaroundError
from walkaround.pipeline import arrivals, outbox
from walkaround.pipeline.deliveries import Deliveries
from walkaround.pipeline.drift import log_drift
from walkaround.pipeline.line import Line
from walkaround.pipeline.originals import sweep_pictures
from walkaround.pipeline.presence import Owners
from walkaround.pipeline.retention import forget_old
from walkaround.pipeline.sources.sources import Sources
from walkaround.pipeline.watches import remove_gone
from walkaround.pipeline.writing import Told
from walkaround.settings import Settings
from walkaround.store.database import Database

_logger = logging.getLogger(__name__)

_HOUR = 3600.0
_DAY = 86_400.0
_CARE_SECONDS = 5.0


class Pipeline:
    """Everything that happens to what arrives, on threads of its own.

    Attributes:
        undelivered: after `stop`, results that still wait for a sink; None where nobody could tell.
        sinks: after `stop`, how those sinks are that do not have every result, by name; of the one watch of `only`.
    """

    undelivered: int | None = None
    sinks: Sequence[outbox.SinkState] = ()

    def __init__(
        self, database: Database, buckets: Buckets, settings: Settings, *, only: int | None = None, tell: Told | None = None
    ) -> None:
        """Prepare without starting anything.

        Args:
            database: with its tables.
            buckets: where things arrive and go.
            settings: of the service.
            only: the watch that `walkaround watch` runs; None: all that a server runs.
            tell: is told what came of each arrival.

        Raises:
            StorageError: the data folder cannot be written.
        """
        self._database, self._buckets, self._settings, self._only = database, buckets, settings, only
        self._owners = Owners(database, buckets, settings, only=only)
        self.deliveries = Deliveries(database, buckets, settings, owners=self._owners)
        self.line = Line(database, buckets, settings, owners=self._owners, wrote=self.deliveries.wake, tell=tell)
        self.sources = Sources(database, buckets, settings, owners=self._owners, wake=self.line.wake)
        self._ended = threading.Event()
        self._carer = threading.Thread(target=self._care, name="pipeline", daemon=True)

    def start(self) -> None:
        """Begin to look at sources, arrivals and deliveries."""
        self.deliveries.start()
        self.line.start()
        self.sources.start()
        self._carer.start()

    def stop(self) -> None:
        """Notice nothing more, end what is in work, and leave the rest for the next start."""
        self._ended.set()
        self.sources.stop()
        self.line.stop()
        self.deliveries.stop()
        with suppress(UnavailableError), self._database.reading() as session:
            self.undelivered = outbox.count(session, self._owners.watch_ids)
            self.sinks = () if self._only is None else outbox.sink_states(session, self._only)
        self._owners.leave()

    def done(self) -> bool:
        """Whether everything is looked at that is there now, and nothing of it waits for a sink that takes it at once.

        Raises:
            UnavailableError: the database does not answer.
        """
        if not self.sources.complete:
            return False
        ids = self._owners.watch_ids
        with self._database.reading() as session:
            undelivered = outbox.waiting(session, ids, beside=self.deliveries.failing)
            return not (arrivals.waiting(session, ids) or self.line.busy or undelivered)

    def _remove_gone(self) -> None:
        more = True
        while more and not self._ended.is_set():
            with self._database.transaction() as session:
                more = remove_gone(session)

    def _care(self) -> None:
        hourly, daily = monotonic(), -_DAY
        while not self._ended.wait(_CARE_SECONDS):
            try:
                self._remove_gone()
                if monotonic() - hourly >= _HOUR:
                    hourly = monotonic()
                    forget_old(self._database, self._settings)
                    sweep_pictures(self._database, self._buckets)
                    if monotonic() - daily >= _DAY:
                        daily = monotonic()
                        log_drift(self._database, self._settings)
            except UnavailableError as problem:
                _logger.warning("The pipeline cannot look after its rows: %s", problem)
            except WalkaroundError as problem:
                _logger.warning("%s", problem)
            except Exception:  # a thread that ended would let the disk fill
                _logger.exception("Looking after the pipeline failed.")
