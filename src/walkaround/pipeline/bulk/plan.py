"""The plan: what there was to inspect when a run began, in shards, written down so that every later run means the same.

Below `_walkaround/` of the output: `plan.json`, which is written last, says what is planned; `plan-ID/00012.parquet` holds key,
size and etag of each object of shard 12; `done/00012.json` appears when both files of results of that shard are there.
"""

from __future__ import annotations

import io
import json
import logging
import mimetypes
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from walkaround.buckets.names import NotExclusiveError, ObjectInfo, bare_etag
from walkaround.buckets.passed import PassedOver
from walkaround.errors import InputError, UnavailableError, WalkaroundError
from walkaround.pipeline.bulk.places import Place, Store
from walkaround.pipeline.bulk.rows import Listed, table_bytes

OWN = "_walkaround/"
PLAN = OWN + "plan.json"
DONE = OWN + "done/"
SHARD_SIZE = 1000
_FORMAT = 1
_SCHEMA = pa.schema([("key", pa.string()), ("size", pa.int64()), ("etag", pa.string())])
_TYPES = mimetypes.MimeTypes()
_MEDIA_TYPES = frozenset({"application/octet-stream", "application/mp4", "application/ogg"})
_OTHER_SUFFIXES = frozenset(
    ".aae .db .jsonl .ndjson .log .lst .manifest .md .npy .npz .onnx .orc .parquet .sqlite .srt .thm .toml .vtt .xmp"
    " .yaml .yml".split()
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be inspected, and by what.

    Attributes:
        identity: names the folder of its shards, and its work among that of other plans.
        source: address of the input.
        package: fingerprint of the package.
        shard_size: objects in a shard; the last one may have fewer.
        shards, objects, bytes: how much there is.
        passed_over: objects that were listed and are known by their names to be no pictures or videos.
        unreadable: a sentence on links and odd names of a folder, which are no objects; empty where there are none.
    """

    identity: str
    source: str
    package: str
    shard_size: int
    shards: int
    objects: int
    bytes: int
    passed_over: int
    created: str
    format: int = _FORMAT
    unreadable: str = ""

    def size_of(self, shard: int) -> int:
        """How many objects a shard has."""
        return min(self.shard_size, self.objects - shard * self.shard_size)


def find_plan(target: Store, *, source: Place, package: str) -> Plan | None:
    """The plan that the output holds, if it holds one.

    Raises:
        InputError: it is a plan for another input, another package or another version.
    """
    content = target.found(PLAN)
    if content is None:
        return None
    where = target.place.address
    try:
        plan = Plan(**json.loads(content))
        known = plan.format == _FORMAT
    except (ValueError, TypeError):
        known = False
    if not known:
        raise InputError(f"{where!r} holds a plan that this version cannot read: give an output of its own.")
    if plan.source != source.address:
        raise InputError(f"{where!r} holds results for {plan.source!r}: give this input an output of its own.")
    if plan.package != package:
        raise InputError(
            f"{where!r} holds results of another package ({plan.package}, this one is {package}):"
            " give it an output of its own, or go on with the package that the run began with."
        )
    return plan


def make_plan(
    source: Store, target: Store, *, package: str, shard_size: int, progress: Callable[[int], None] | None = None
) -> Plan:
    """List the input and write the plan; no more than one shard is held in memory.

    Returns:
        The plan; where another run has made one for the same input and package meanwhile, that one.

    Raises:
        InputError: there is nothing to inspect, or another run has made a plan for something else meanwhile.
        UnavailableError: another run is about to make one.
    """
    identity = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    chosen = _Chosen(source, target.place)
    shards = objects = size = 0
    listed = iter(chosen)
    while shard := list(islice(listed, shard_size)):
        columns = {name: [getattr(item, name) for item in shard] for name in _SCHEMA.names}
        target.write(_shard_key(identity, shards), table_bytes(pa.table(columns, schema=_SCHEMA)))
        shards, objects, size = shards + 1, objects + len(shard), size + sum(item.size for item in shard)
        if progress is not None:
            progress(objects)
    if not objects:
        passed = f", only others ({chosen.passed_over:,})" if chosen.passed_over else ""
        odd = f" {chosen.unreadable.sentence}" if chosen.unreadable.count else ""
        raise InputError(f"There are no pictures or videos below {source.place.address!r}{passed}: correct the input.{odd}")
    plan = Plan(
        identity=identity,
        source=source.place.address,
        package=package,
        shard_size=shard_size,
        shards=shards,
        objects=objects,
        bytes=size,
        passed_over=chosen.passed_over,
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        unreadable=chosen.unreadable.sentence,
    )
    return _kept(plan, source, target)


def _kept(plan: Plan, source: Store, target: Store) -> Plan:
    """The one plan of the output: this one, or that of a run that was quicker."""
    found, made = find_plan(target, source=source.place, package=plan.package), False
    if found is None:
        made = _made(plan, target)
        found = find_plan(target, source=source.place, package=plan.package)
    if found is None:
        where = target.place.address
        raise UnavailableError(f"Another run begins with {where!r} at this moment: run the same command again.", retry_after=1)
    if found.identity != plan.identity:  # where it was not made, it may be ours all the same: an answer can get lost
        _logger.warning("Another run has begun with %r: this one works on its plan.", target.place.address)
        if not made:
            _forget(plan, target)
    return found


def _made(plan: Plan, target: Store) -> bool:
    """Whether this plan was written; not where there is one already, as far as the place can tell."""
    content, first = json.dumps(asdict(plan), indent=2).encode(), _shard_key(plan.identity, 0)
    try:
        made = target.create(PLAN, content)
        honest = not made or not target.create(first, target.read(first))  # which is there
        problem = "" if honest else "The server of the output takes every conditional write for a plain one."
    except NotExclusiveError as error:
        target.write(PLAN, content)
        made, problem = True, str(error)
    if problem:
        _logger.warning("%s Begin no second run with %r now.", problem, target.place.address)
    return made


def _forget(plan: Plan, target: Store) -> None:
    """Take the shards of a plan away that nobody will ask for."""
    with suppress(WalkaroundError):
        for shard in range(plan.shards):
            target.remove(_shard_key(plan.identity, shard))


def read_shard(target: Store, plan: Plan, shard: int) -> list[Listed]:
    """The objects of a shard."""
    table = pq.read_table(io.BytesIO(target.read(_shard_key(plan.identity, shard))))
    return [Listed(**row) for row in table.to_pylist()]


def missing_shards(target: Store, plan: Plan) -> list[int]:
    """The shards that are not done."""
    done = {PurePosixPath(found.key).name for found in target.list(DONE + plan.identity + "/")}
    return [shard for shard in range(plan.shards) if f"{shard:05}.json" not in done]


def done_key(plan: Plan, shard: int) -> str:
    """The marker of a shard that is done; it holds what was counted."""
    return f"{DONE}{plan.identity}/{shard:05}.json"


def _shard_key(identity: str, shard: int) -> str:
    return f"{OWN}plan-{identity}/{shard:05}.parquet"


class _Chosen:
    """The objects of the input that may be pictures or videos; counts what it passes over."""

    def __init__(self, source: Store, target: Place) -> None:
        self._source = source
        self._results = _below(source.place, target)
        self.passed_over = 0
        self.unreadable = PassedOver()

    def __iter__(self) -> Iterator[Listed]:
        for found in self._source.list(passed=self.unreadable):
            key = found.key[len(self._source.place.prefix) :]
            if self._results is not None and key.startswith(self._results):
                continue
            if _is_other(found, key):
                self.passed_over += 1
            else:
                yield Listed(key=found.key, size=found.size, etag=bare_etag(found.etag))


def _below(source: Place, target: Place) -> str | None:
    """The beginning of keys that the results have, where they lie in the input; they are nothing to inspect."""
    if source.folder is not None and target.folder is not None:
        inside = target.folder.is_relative_to(source.folder)
        return f"{target.folder.relative_to(source.folder).as_posix()}/".removeprefix("./") if inside else None
    if source.bucket != target.bucket or not target.prefix.startswith(source.prefix):
        return None
    return target.prefix[len(source.prefix) :]


def _is_other(found: ObjectInfo, key: str) -> bool:
    """Whether an object is no picture or video by its name alone; what the others are, their content tells."""
    path = PurePosixPath(key)
    if any(part.startswith(".") for part in path.parts) or path.suffix.casefold() in _OTHER_SUFFIXES:
        return True
    if found.size == 0 and not path.suffix:  # the mark of a folder, which consoles of S3 leave
        return True
    kind = _TYPES.guess_type(path.name)[0] or ""
    return kind.startswith(("text/", "application/")) and kind not in _MEDIA_TYPES
