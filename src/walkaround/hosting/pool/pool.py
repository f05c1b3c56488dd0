"""All hosted models of this server: a table in memory, kept to what the database says; requests find their model here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from walkaround.damage.findings import Findings
from walkaround.errors import ConflictError, NotFoundError, ServiceError, UnavailableError, ValidationError
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.answers import MOST_BYTES, PICTURE_TYPES
from walkaround.hosting.pool.counters import Counters, Units
from walkaround.hosting.pool.hosted import HostedModel, Hosting, HostingError
from walkaround.hosting.pool.scaling import UnitLimits
from walkaround.models.network import cores
from walkaround.settings import Settings
from walkaround.store.database import Database
from walkaround.store.tables import Model, Project

_logger = logging.getLogger(__name__)

_LATEST = "latest"
_LOOK_SECONDS = 5
"""How often the database is asked which models are hosted: another server on it may have started or stopped some."""
_HOSTED = ("HOSTED", "STARTING_HOSTING")


ModelKey = tuple[str, str, str, int]
"""Account, region, project, version; of requests for what does not exist the account alone, so that names are no metrics."""


_WAYS_OUT: Mapping[str, str] = MappingProxyType(
    {
        "TRAINING": "it is being trained; start it when that is done",
        "TRAINING_FAILED": "it could not be trained; train another version",
        "STARTING_HOSTING": "it is being started; try again in some seconds",
        "HOSTED": "it is being started here; try again in some seconds",
        "STOPPING_HOSTING": "it is being stopped; start it again when its status is TRAINED",
        "DELETING": "it is being deleted; use another version",
    }
)
"""What to do about a model that does not look at pictures, by its status."""


class _Standing(NamedTuple):
    """How it is with a version, by the database."""

    model_id: int
    version: int
    status: str
    message: str


class Detected(NamedTuple):
    """What was found in a picture, and the version of the model that found it."""

    findings: Findings
    version: int


class Pool:
    """The hosted models. Coroutines belong to the event loop of `start`; `host` and `unhost` are for other threads."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Prepare a pool without starting anything."""
        self._database = database
        self._settings = settings
        self._models: dict[tuple[str, str, str], dict[int, HostedModel]] = {}
        self._counters: dict[ModelKey, Counters] = {}
        self._changing: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to host what the database says is hosted; requests that come before the workers are ready wait for them."""
        self._loop = asyncio.get_running_loop()
        self._changing = asyncio.Lock()
        with suppress(UnavailableError):  # the ticks try again
            await self.refresh()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Answer what is in work, and end all workers."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        await asyncio.gather(*(model.stop() for model in self._all()))
        self._models.clear()

    async def detect(
        self, owner: Owner, project: str, version: str, picture: bytes, content_type: str, *, heat: bool = False
    ) -> Detected:
        """What a hosted model finds in a picture.

        Args:
            owner: of the project.
            project: its name.
            version: a number, or "latest" for the newest version that is hosted.
            picture: a JPEG or PNG file, told apart by content.
            content_type: what the client calls it.
            heat: whether the findings get a heat map.

        Raises:
            ValidationError: the picture cannot be used, or its type is not accepted.
            NotFoundError: there is no such project or version.
            ConflictError: the version is not hosted.
            ThrottledError: too many pictures wait.
            UnavailableError: the workers cannot answer at the moment.
        """
        hosted = self._hosted(owner, project, version) or await self._missed(owner, project, version)
        if content_type.partition(";")[0].strip().lower() not in PICTURE_TYPES:
            hosted.counters.refused()
            raise ValidationError(
                f"The content-type {content_type!r} is not accepted: it must be one of {', '.join(PICTURE_TYPES)}."
            )
        if not 0 < len(picture) <= MOST_BYTES:
            hosted.counters.refused()
            raise ValidationError(f"The picture has {len(picture):,} bytes; send one of 1 to {MOST_BYTES:,} bytes.")
        return Detected(await hosted.detect(picture, heat=heat), hosted.hosting.version)

    def refused(self, owner: Owner, project: str, version: str, problem: ServiceError) -> None:
        """Count a detection that was refused at a door, before it came here."""
        hosted = self._hosted(owner, project, version)
        counters = self._unknown(owner) if hosted is None else hosted.counters
        counters.ended_with(problem)

    def host(self, hosting: Hosting, *, timeout: float | None = None) -> None:
        """Start a model and wait until the least number of its units answers; called from another thread than the loop's.

        Raises:
            HostingError: it cannot be started, or not in `timeout` seconds.
        """
        running = asyncio.run_coroutine_threadsafe(self.hosted(hosting), self._running_loop())
        try:
            running.result(timeout)
        except TimeoutError as problem:
            running.cancel()
            raise HostingError(f"The model was not ready after {timeout:g} s; try again.") from problem

    def unhost(self, model_id: int) -> None:
        """Stop a model, answering what is in work; called from another thread than the loop's."""
        asyncio.run_coroutine_threadsafe(self.unhosted(model_id), self._running_loop()).result()

    def look_again(self) -> None:
        """Have at once what the database says of hosted models, such as another threshold; for other threads than the loop's.

        Where the database does not answer just now, the next look, in some seconds, does it.
        """
        with suppress(UnavailableError):
            asyncio.run_coroutine_threadsafe(self.refresh(), self._running_loop()).result()

    async def hosted(self, hosting: Hosting) -> None:
        """Start a model, and wait until the least number of its units answers.

        Raises:
            HostingError: it cannot be started.
        """
        async with self._lock():
            model = self._add(hosting)
        try:
            await model.wait_for_units()
        except HostingError:
            await self.unhosted(hosting.model_id)
            raise
        model.serving = True

    async def unhosted(self, model_id: int) -> None:
        """Stop a model, answering what is in work."""
        async with self._lock():
            model = self._remove(model_id)
        if model is not None:
            await model.stop()

    async def refresh(self) -> None:
        """Start and stop models, so that those are hosted that the database says are.

        Raises:
            UnavailableError: the database does not answer.
        """
        async with self._lock():
            told = await asyncio.to_thread(self._told)
            for hosting, status in told:
                if status == "HOSTED":
                    self._add(hosting).serving = True
            kept = {hosting.model_id for hosting, _ in told}
            thresholds = {hosting.model_id: hosting.threshold for hosting, _ in told}
            for model in self._all():
                model.threshold = thresholds.get(model.hosting.model_id, model.threshold)
            gone = [self._remove(model.hosting.model_id) for model in self._all() if model.hosting.model_id not in kept]
        await asyncio.gather(*(model.stop() for model in gone if model is not None))

    def counters(self) -> Mapping[ModelKey, Counters]:
        """Totals of every version that was hosted or asked for since the start."""
        return self._counters

    def units(self) -> dict[ModelKey, Units]:
        """Inference units of every hosted version at the moment."""
        return {_key(model.hosting): model.units for model in self._all()}

    def loads(self) -> dict[ModelKey, float]:
        """Pictures in work or waiting of every hosted version, on average over the last seconds."""
        return {_key(model.hosting): model.load for model in self._all()}

    def worker_pids(self) -> list[int]:
        """Process ids of the workers that answer."""
        return [pid for model in self._all() for pid in model.worker_pids]

    def hosting_of(self, model: Model, project: Project) -> Hosting:
        """How a model of the database is hosted."""
        least = model.min_units or 1
        threads = self._settings.threads_per_unit or cores()
        return Hosting(
            model_id=model.id,
            account=project.account,
            region=project.region,
            project=project.name,
            version=model.version,
            package=self._settings.data / (model.package or ""),
            limits=UnitLimits(least=least, most=max(least, model.max_units or least), threads=threads),
            queue_per_unit=self._settings.queue_per_unit,
            threshold=model.threshold,
        )

    def _hosted(self, owner: Owner, project: str, version: str) -> HostedModel | None:
        versions = self._models.get((owner.account, owner.region, project), {})
        serving = {number: model for number, model in versions.items() if model.serving}
        if version == _LATEST:
            return serving[max(serving)] if serving else None
        return serving.get(int(version)) if version.isdecimal() else None

    async def _missed(self, owner: Owner, project: str, version: str) -> HostedModel:
        """Why a model is not in the table; or the model, where another server has started it."""
        try:
            standing = await asyncio.to_thread(self._standing, owner, project, version)
            if standing.status == "HOSTED":
                await self.refresh()
                if (hosted := self._hosted(owner, project, version)) is not None:
                    return hosted
        except (NotFoundError, UnavailableError):
            self._unknown(owner).failed()
            raise
        self._counted((owner.account, owner.region, project, standing.version), standing.model_id).failed()
        way_out = _WAYS_OUT.get(standing.status, "start it first")
        if standing.status == "HOSTING_FAILED":
            way_out = standing.message.removesuffix(".") or "start it again"
        raise ConflictError(
            f"Version {standing.version} of the model of project {project!r} does not look at pictures at the moment"
            f" (its status is {standing.status}): {way_out}.",
            resource_id=f"{project}/{standing.version}",
            resource_type="MODEL",
        )

    def _unknown(self, owner: Owner) -> Counters:
        """What is counted of requests for models that do not exist."""
        return self._counted((owner.account, "", "", 0), None)

    def _counted(self, key: ModelKey, model_id: int | None) -> Counters:
        """What is counted of a version; one that took the place of a deleted one begins anew."""
        known = self._counters.get(key)
        if known is None or known.model_id != model_id:
            known = self._counters[key] = Counters(model_id=model_id)
        return known

    def _standing(self, owner: Owner, project: str, version: str) -> _Standing:
        with self._database.reading() as session:
            row = session.scalar(
                select(Project).where(Project.account == owner.account, Project.region == owner.region, Project.name == project)
            )
            if row is None:
                raise NotFoundError(f"There is no project {project!r}.", resource_id=project, resource_type="PROJECT")
            models = select(Model.id, Model.version, Model.status, Model.message).where(Model.project_id == row.id)
            models = models.order_by((Model.status == "HOSTED").desc(), Model.version.desc())
            if version != _LATEST:
                models = models.where(Model.version == (int(version[:10]) if version.isdecimal() else -1))
            found = session.execute(models.limit(1)).one_or_none()
        if found is None:
            named = f"{project}/{version}"
            raise NotFoundError(
                f"There is no version {version} of a model in project {project!r}.", resource_id=named, resource_type="MODEL"
            )
        return _Standing(*found)

    def _told(self) -> list[tuple[Hosting, str]]:
        with self._database.reading() as session:
            rows = session.execute(select(Model, Project).join(Project).where(Model.status.in_(_HOSTED)))
            return [(self.hosting_of(model, project), model.status) for model, project in rows]

    def _add(self, hosting: Hosting) -> HostedModel:
        key = (hosting.account, hosting.region, hosting.project)
        versions = self._models.setdefault(key, {})
        model = versions.get(hosting.version)
        if model is None or model.hosting.model_id != hosting.model_id:
            model = HostedModel(hosting, self._counted(_key(hosting), hosting.model_id))
            versions[hosting.version] = model
            model.start()
        return model

    def _remove(self, model_id: int) -> HostedModel | None:
        for key, versions in self._models.items():
            for version, model in versions.items():
                if model.hosting.model_id == model_id:
                    del versions[version]
                    if not versions:
                        del self._models[key]
                    return model
        return None

    def _all(self) -> list[HostedModel]:
        return [model for versions in self._models.values() for model in versions.values()]

    async def _tick(self) -> None:
        seconds = 0
        while True:
            await asyncio.sleep(1)
            seconds += 1
            try:
                for model in self._all():
                    await model.tick()
                    if model.failure:
                        await self._give_up(model)
                if seconds % _LOOK_SECONDS == 0:
                    await self.refresh()
            except UnavailableError as problem:
                _logger.warning("Hosted models could not be looked up: %s", problem)
            except Exception:  # a loop that ended would leave every model without care
                _logger.exception("A look at the hosted models failed.")

    async def _give_up(self, model: HostedModel) -> None:
        """Tell the database that a model which was hosted cannot be any more."""
        await asyncio.to_thread(self._mark_failed, model.hosting.model_id, model.failure or "")
        await self.unhosted(model.hosting.model_id)

    def _mark_failed(self, model_id: int, reason: str) -> None:
        with self._database.transaction() as session:
            mark_hosting_failed(session, model_id, reason)

    def _lock(self) -> asyncio.Lock:
        if self._changing is None:
            raise RuntimeError("the pool was not started")
        return self._changing

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the pool was not started")
        return self._loop


def mark_hosting_failed(session: Session, model_id: int, reason: str) -> None:
    """Set the status of a model that cannot be hosted; one that somebody stops meanwhile keeps its status."""
    model = session.get(Model, model_id)
    if model is not None and model.status in _HOSTED:
        way_out = "Mend that and start the model again, or train another version."
        model.status, model.message = "HOSTING_FAILED", f"{reason.removesuffix('.')}. {way_out}"


def _key(hosting: Hosting) -> ModelKey:
    return hosting.account, hosting.region, hosting.project, hosting.version
