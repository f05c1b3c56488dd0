"""One hosted model: its line of waiting pictures, its units, and how many of them there should be."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from walkaround.damage.findings import Findings
from walkaround.errors import PackageError, PictureError, ThrottledError, UnavailableError, ValidationError, WalkaroundError
from walkaround.hosting.pool.counters import Counters, Units
from walkaround.hosting.pool.queue import WaitingLine, seconds_to_wait
from walkaround.hosting.pool.scaling import DOWN_SECONDS, Load, UnitLimits, desired_units
from walkaround.hosting.pool.unit import Request, Unit

_logger = logging.getLogger(__name__)

_DEATHS_AT_LOAD = 3
"""Workers in a row that ended while they loaded their model, after which it cannot be hosted."""
_DEATHS_OF_A_REQUEST = 2
"""Workers that ended while they held a picture, after which it is not given to another."""
_PATIENCE_SECONDS = 60.0
"""A worker that holds one picture for so long is ended."""
_LONGEST_PAUSE = 10.0
_LATELY_SECONDS = 10


class HostingError(WalkaroundError):
    """A model cannot be hosted: its package is damaged, or its workers end as soon as they start."""


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """Which model is hosted, and how.

    Attributes:
        model_id: of the row in the database.
        package: folder of its package.
        limits: units, and threads of each.
        queue_per_unit: pictures that may wait for each unit.
        threshold: that a person adopted; None: the package's own.
    """

    model_id: int
    account: str
    region: str
    project: str
    version: int
    package: Path
    limits: UnitLimits
    queue_per_unit: int
    threshold: float | None = None


class _Place:
    """Where a unit runs, and is started again when it dies, until the place is given up."""

    def __init__(self) -> None:
        self.given_up = asyncio.Event()
        self.unit: Unit | None = None
        self.task: asyncio.Task[None] | None = None


class HostedModel:
    """Workers that answer pictures with one model. Everything here runs in the server's event loop."""

    def __init__(self, hosting: Hosting, counters: Counters) -> None:
        """Prepare a model without starting anything."""
        self.hosting = hosting
        self.counters = counters
        self.threshold = hosting.threshold  # of the pictures that come from now on; each takes its own along
        self.desired = hosting.limits.least
        self.failure: str | None = None
        self.serving = False  # pictures may come: it answers, or is told to be hosted and will answer soon
        self._line: WaitingLine[Request] = WaitingLine(lambda: hosting.queue_per_unit * max(1, self.desired))
        self._units: list[Unit] = []
        self._places: list[_Place] = []
        self._changed = asyncio.Condition()
        self._loads: deque[Load] = deque(maxlen=DOWN_SECONDS)
        self._throttled = 0
        self._seconds_each = 0.05
        self._pictures = _MeanOverTime()
        self._deaths_at_load = 0

    @property
    def in_service(self) -> int:
        """Units that answer."""
        return sum(unit.ready.done() and not unit.leaving for unit in self._units)

    @property
    def units(self) -> Units:
        """How many units there are and should be."""
        limits = self.hosting.limits
        return Units(least=limits.least, most=limits.most, desired=self.desired, in_service=self.in_service)

    @property
    def load(self) -> float:
        """Pictures in work or waiting, on average over the last seconds."""
        lately = list(self._loads)[-_LATELY_SECONDS:]
        return sum(one.pictures for one in lately) / len(lately) if lately else 0.0

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the units that answer."""
        return [unit.pid for unit in self._units]

    async def detect(self, picture: bytes, *, heat: bool) -> Findings:
        """What is in a picture file.

        Raises:
            ThrottledError: too many pictures wait.
            ValidationError: the picture cannot be used.
            UnavailableError: the worker failed, and another one too.
        """
        request = Request(picture, heat, self.threshold, asyncio.get_running_loop().create_future())
        if not self._line.join(request):
            raise self._turned_away()
        self._pictures.change(+1)
        self._hand_out()
        try:
            findings = await request.answer
        except PictureError as problem:
            self.counters.refused()
            raise ValidationError(str(problem)) from problem
        except UnavailableError:
            self.counters.failed()
            raise
        finally:
            self._line.leave(request)  # it stands there still where the client has gone
            self._pictures.change(-1)
        self._learn_pace(monotonic() - request.sent)
        self.counters.answered(anomalous=findings.anomalous, milliseconds=1000 * (monotonic() - request.came))
        return findings

    def start(self) -> None:
        """Begin to start the units that there should be."""
        while sum(not place.given_up.is_set() for place in self._places) < self.desired:
            place = _Place()
            self._places.append(place)
            place.task = asyncio.create_task(self._keep(place))

    async def wait_for_units(self) -> None:
        """Wait until the least number of units answers.

        Raises:
            HostingError: they cannot be started.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self.failure or self.in_service >= self.hosting.limits.least)
        if self.failure:
            raise HostingError(self.failure)

    async def stop(self) -> None:
        """Answer what is in work, refuse what waits, and end all units."""
        self._refuse_waiting("The model is being stopped.")
        places = list(self._places)
        await asyncio.gather(*map(self._drop_place, places))
        await asyncio.gather(*(place.task for place in places if place.task is not None))
        self._refuse_waiting("The model was stopped.")

    async def tick(self) -> None:
        """Once a second: look at the load, start or end units, and end a worker that hangs."""
        self._loads.append(Load(pictures=self._pictures.taken(), throttled=self._throttled))
        self._throttled = 0
        for unit in self._units:
            if unit.oldest > _PATIENCE_SECONDS:
                _logger.warning("Worker %d does not answer and is ended.", unit.pid)
                unit.kill()
        wanted = desired_units(tuple(self._loads), units=self.desired, limits=self.hosting.limits)
        if wanted == self.desired or self.failure:
            return
        _logger.info("%s version %d: %d units.", self.hosting.project, self.hosting.version, wanted)
        self.desired = wanted
        self._loads.clear()
        self.start()
        running = [place for place in self._places if not place.given_up.is_set()]
        for place in running[wanted:]:
            await self._drop_place(place)

    def _turned_away(self) -> ThrottledError:
        self.counters.turned_away()
        self._throttled += 1
        wait = seconds_to_wait(len(self._line), units=self.in_service, seconds_each=self._seconds_each)
        return ThrottledError(f"{len(self._line):,} pictures wait already; try again in {wait} s.", retry_after=wait)

    def _learn_pace(self, seconds: float) -> None:
        """From what one picture took among those beside it: seconds for each, of one unit."""
        beside = 1 + sum(len(unit.held) for unit in self._units)
        self._seconds_each += 0.1 * (seconds * max(1, self.in_service) / beside - self._seconds_each)

    def _hand_out(self) -> None:
        """Give what waits to the units with free places, evenly."""
        while len(self._line) and self._units:
            unit = max(self._units, key=lambda one: one.free)
            if unit.free <= 0:
                return
            free_units = sum(one.free > 0 for one in self._units)
            unit.give(self._line.take(min(unit.free, -(-len(self._line) // free_units))))

    async def _keep(self, place: _Place) -> None:
        """Have one unit running, and start it again when it dies, with growing pauses while it keeps dying."""
        pause = 0.0
        while not place.given_up.is_set() and not self.failure:
            started = monotonic()
            place.unit = await self._started(place)
            if place.unit is not None:
                await self._serve(place.unit)
                await place.unit.end()
            pause = 0.1 if monotonic() - started > _LONGEST_PAUSE else min(_LONGEST_PAUSE, max(0.1, 2 * pause))
            with suppress(TimeoutError):
                await asyncio.wait_for(place.given_up.wait(), pause)
        self._places.remove(place)

    async def _started(self, place: _Place) -> Unit | None:
        """A unit that has loaded its model, None where it could not."""
        unit: Unit | None = None
        try:
            unit = await Unit.start(self.hosting.package, threads=self.hosting.limits.threads, on_free=self._hand_out)
            place.unit = unit
            if place.given_up.is_set():
                await unit.end()
            await unit.ready
        except (PackageError, UnavailableError, OSError) as problem:
            if unit is not None:
                await unit.end()
            if not place.given_up.is_set():
                await self._died_at_load(problem)
            return None
        self._deaths_at_load = 0
        return unit

    async def _serve(self, unit: Unit) -> None:
        """Let a unit work until it is gone."""
        self._units.append(unit)
        await self._tell()
        self._hand_out()
        await unit.gone
        self._units.remove(unit)
        self._give_again(unit)
        await self._tell()

    async def _drop_place(self, place: _Place) -> None:
        place.given_up.set()
        if place.unit is not None:
            await place.unit.leave()

    async def _died_at_load(self, problem: Exception) -> None:
        self._deaths_at_load += 1
        _logger.warning("A worker for %s could not start: %s", self.hosting.package, problem)
        if self._units or not (isinstance(problem, PackageError) or self._deaths_at_load >= _DEATHS_AT_LOAD):
            return
        self.failure = f"The model cannot be hosted: {problem}"
        self._refuse_waiting(self.failure)
        await self._tell()

    def _give_again(self, unit: Unit) -> None:
        """Let other workers have what a dead one held; what was held by two dead ones has killed them, and fails."""
        if unit.held:
            _logger.warning("Worker %d ended with %d pictures in work.", unit.pid, len(unit.held))
        again = []
        for request in unit.held.values():
            request.deaths += 1
            if request.answer.done():
                continue
            if request.deaths >= _DEATHS_OF_A_REQUEST:
                request.answer.set_exception(UnavailableError("Two workers ended while they held the picture.", retry_after=5))
            else:
                again.append(request)
        unit.held.clear()
        self._line.return_to_front(again)
        self._hand_out()

    def _refuse_waiting(self, reason: str) -> None:
        for request in self._line.take(len(self._line)):
            if not request.answer.done():
                request.answer.set_exception(UnavailableError(reason, retry_after=5))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class _MeanOverTime:
    """The mean of a number over the time since it was last asked for."""

    def __init__(self) -> None:
        self._value, self._sum = 0, 0.0
        self._since = self._asked = monotonic()

    def change(self, by: int) -> None:
        moment = monotonic()
        self._sum += self._value * (moment - self._since)
        self._value, self._since = self._value + by, moment

    def taken(self) -> float:
        self.change(0)
        seconds = self._since - self._asked
        mean = self._sum / seconds if seconds > 0 else float(self._value)
        self._sum, self._asked = 0.0, self._since
        return mean
