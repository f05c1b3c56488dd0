"""Everything that a running server is made of, opened in order and closed in the opposite one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from walkaround.buckets.buckets import buckets_of
from walkaround.hosting.host import Host
from walkaround.hosting.jobs.jobs import Jobs
from walkaround.hosting.pool.pool import Pool
from walkaround.settings import Settings
from walkaround.store.keys import KeyRing
from walkaround.web.auth import Door, Keys
from walkaround.web.metrics import Metrics
from walkaround.web.opening import database_of
from walkaround.web.uploads import PictureStore

_STOP_SECONDS = 15.0


class Service:
    """The parts of one server. Making it writes nothing but the data folder's secret; `running` does the rest.

    Attributes:
        streams: jobs that are being watched.
        stopping: set when the server is about to stop, so that whoever streams comes to an end.
    """

    def __init__(self, settings: Settings) -> None:
        """Put the parts together.

        Raises:
            InputError: the settings contradict each other.
            StorageError: the data folder cannot be written.
        """
        self.settings = settings
        self.database = database_of(settings)
        self.ring = KeyRing(settings.data)
        self.keys = Keys(self.database, self.ring)
        self.door = Door(self.keys, settings)
        self.buckets = buckets_of(settings)
        self.pool = Pool(self.database, settings)
        self.host = Host(settings)
        self.jobs = Jobs(self.database, self.buckets, settings, self.pool)
        self.metrics = Metrics(self.pool)
        self.pictures = PictureStore(settings.data, self.buckets)
        self.stopping = asyncio.Event()
        self.streams = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Migrate the database, host the models that were hosted, work on the jobs; stop all of it at the end.

        Raises:
            InputError: the database is of a newer version.
            UnavailableError: the database does not answer.
        """
        await asyncio.to_thread(self.database.migrate)
        await asyncio.to_thread(self.keys.read)
        await self.pool.start()
        self.jobs.start()
        fresh = asyncio.create_task(self.keys.keep_fresh())
        try:
            yield
        finally:
            self.stopping.set()
            fresh.cancel()
            await asyncio.to_thread(self.jobs.stop, _STOP_SECONDS)
            with contextlib.suppress(TimeoutError):  # workers that do not end are ended by the kernel, with this process
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.pool.stop()
            await asyncio.to_thread(self.pictures.close)
            self.database.close()
