"""Everything that a running server is made of, opened in order and closed in the opposite one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from walkaround.buckets.buckets import buckets_of
from walkaround.hosting.host import Host
from walkaround.hosting.jobs.jobs import Jobs
from walkaround.hosting.operations.models.measured import MeasuredSets
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.pool import Pool
from walkaround.hosting.views import Views
from walkaround.pipeline.noticing import Room
from walkaround.pipeline.process import PipelineProcess
from walkaround.pipeline.sinks.senders import check_sinks
from walkaround.pipeline.spec import WatchSpec, watch_spec
from walkaround.pipeline.watches import home_of, sync_watches
from walkaround.settings import Settings
from walkaround.store.keys import KeyRing
from walkaround.store.opening import database_of
from walkaround.web.auth import Door, Keys
from walkaround.web.mask_runs import MaskRuns
from walkaround.web.metrics import Metrics
from walkaround.web.pipeline_metrics import OfPipeline
from walkaround.web.sessions import Sessions
from walkaround.web.setup import Setup
from walkaround.web.tensorboards import Boards
from walkaround.web.thumbnails import Thumbnails
from walkaround.web.uploads import PictureStore
from walkaround.web.video_frames import VideoFrames

_STOP_SECONDS = 15.0


class Service:
    """The parts of one server. Making it writes nothing but the data folder's secret; `running` does the rest.

    Attributes:
        streams: jobs that are being watched.
        setup_token: of the link for the first user, until it was told; None where there is a user, or nobody is asked for one.
        stopping: set when the server is about to stop, so that whoever streams comes to an end.
    """

    def __init__(self, settings: Settings) -> None:
        """Put the parts together.

        Raises:
            InputError: the settings contradict each other.
            StorageError: the data folder cannot be written.
        """
        self.settings = settings
        self._specs = specs_of(settings)
        self.database = database_of(settings)
        self.ring = KeyRing(settings.data)
        self.keys = Keys(self.database, self.ring)
        self.sessions = Sessions(self.database, self.ring, settings)
        self.setup = Setup(self.database)
        self.door = Door(self.keys, self.sessions, settings)
        self.buckets = buckets_of(settings)
        self.pool = Pool(self.database, settings)
        self.host = Host(settings)
        self.jobs = Jobs(self.database, self.buckets, settings, self.pool)
        self.pipeline = PipelineProcess(self.database, settings)
        self.room = Room(self.database, settings.events_backlog)
        self.metrics = Metrics(self.pool)
        self.pipeline_metrics = OfPipeline(self.database)
        self.metrics.add(self.pipeline_metrics)
        self.pictures = PictureStore(settings.data, self.buckets)
        self.measured = MeasuredSets(settings.data, self.buckets)
        self.views = Views(settings.data, self.buckets)
        self.mask_runs = MaskRuns(settings.data, self.buckets)
        self.thumbnails = Thumbnails(settings.data, self.buckets)
        self.frames = VideoFrames(settings.data)
        self.boards = Boards()
        self.stopping = asyncio.Event()
        self.streams = 0
        self.setup_token: str | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Migrate the database, host the models that were hosted, work on the jobs; stop all of it at the end.

        Raises:
            InputError: the database is of a newer version.
            UnavailableError: the database does not answer.
        """
        await asyncio.to_thread(self.database.migrate)
        await asyncio.to_thread(self._sync_watches)
        await asyncio.to_thread(self.keys.read)
        if not self.settings.keyless:
            self.setup_token = await asyncio.to_thread(self.setup.offer)
        await self.pool.start()
        self.jobs.start()
        self.pipeline.start()
        fresh = asyncio.create_task(self.keys.keep_fresh())
        try:
            yield
        finally:
            self.stopping.set()
            fresh.cancel()
            ending = asyncio.create_task(asyncio.to_thread(self.pipeline.stop))
            await asyncio.to_thread(self.jobs.stop, _STOP_SECONDS)
            with contextlib.suppress(TimeoutError):  # workers that do not end are ended by the kernel, with this process
                async with asyncio.timeout(_STOP_SECONDS):
                    await self.pool.stop()
            await self.boards.stop()
            await ending
            await asyncio.to_thread(self.pictures.close)
            await asyncio.to_thread(self.views.close)
            await asyncio.to_thread(self.frames.close)
            await asyncio.to_thread(self.mask_runs.close)
            await asyncio.to_thread(self.thumbnails.close)
            self.database.close()

    def _sync_watches(self) -> None:
        """Have the watches of the settings file, and no others from there."""
        owner = Owner(account=self.settings.account, region=self.settings.region)
        with self.database.transaction() as session:
            sync_watches(session, owner, self._specs, home=home_of(self.settings.data))


def specs_of(settings: Settings) -> list[WatchSpec]:
    """The watches of the settings file.

    Raises:
        InputError: one cannot be used.
        MissingExtraError: a sink needs what is not installed.
    """
    specs = [
        watch_spec(values, where=f"{number} of the settings ({values.get('name', 'without a name')})")
        for number, values in enumerate(settings.watches, start=1)
    ]
    for spec in specs:
        check_sinks(spec, settings)
    return specs
