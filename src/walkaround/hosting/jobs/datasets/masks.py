"""Masks of a manifest: fetched, looked at in a process of their own, and refused with their line and file if they are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.damage.kinds import NORMAL, shows_damage
from walkaround.errors import AccessDeniedError, BucketError, DatasetError
from walkaround.hosting.jobs.pipes import pipes_of
from walkaround.hosting.operations.lines.manifest_lines import Line
from walkaround.hosting.operations.lines.place_lines import MOST_LABELS_OF_A_MASK, Mask
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.hosting.owner import Owner
from walkaround.hosting.pool.answers import MOST_BYTES

Report = Callable[[str, int, int], None]
"""Called with (what is being done, how much of it is done, how much there is)."""

_THREADS = 8  # they wait for the bucket, not for a core
_TOLD = 5
_MOST_FAULTS = 100
_PLAIN = frozenset({"#000000", "#ffffff"})
"""Colours that programs give to the background without naming it."""


class MaskFaultError(Exception):
    """What is wrong with a mask, as the end of a sentence that begins with its line."""


def with_shown_labels(
    lines: Mapping[str, Line], buckets: Buckets, *, owner: Owner, cache: Path, report: Report
) -> dict[str, Line]:
    """The lines of a manifest with the anomaly labels that their masks really show.

    Args:
        lines: by picture.
        buckets: where the masks are.
        owner: whose dataset it is.
        cache: folder for copies of what is not on this machine.
        report: told how far it is.

    Raises:
        DatasetError: a mask is missing, is no PNG, shows none of the colours of its map, or shows damage of a picture that
            the line calls normal. The first few are named with line and file.
        UnavailableError: a bucket does not answer.
    """
    drawn = [line for line in lines.values() if any(mask.colours for mask in line.masks)]
    known = {**lines, **{ref: replace(line, shown=()) for ref, line in lines.items() if line.masks}}
    faults: list[str] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        fetched = pool.map(lambda line: _fetched(line, buckets, owner=owner, cache=cache), drawn)
        with _eyes() as look:
            for number, (line, files) in enumerate(zip(drawn, fetched, strict=True), start=1):
                try:
                    known[line.source_ref] = replace(line, shown=_shown(line, files, look))
                except MaskFaultError as fault:
                    faults.append(f"line {line.number}: {fault}")
                if len(faults) == _MOST_FAULTS:
                    break
                report("Looking at masks", number, len(drawn))
    finally:
        pool.shutdown(cancel_futures=True)
    if faults:
        more = f"; and {len(faults) - _TOLD:,} more" if len(faults) > _TOLD else ""
        raise DatasetError(f"Masks cannot be used: {'; '.join(faults[:_TOLD])}{more}. Correct them and try again.")
    return known


def _fetched(line: Line, buckets: Buckets, *, owner: Owner, cache: Path) -> Sequence[Path | str]:
    """For each mask its file, or why there is none."""
    found: list[Path | str] = []
    for mask in line.masks:
        try:
            require_own_bucket(owner, mask.bucket)
            bucket, key = split_address(mask.ref)
            found.append(buckets.local(bucket, key, folder=cache, at_most=MOST_BYTES))
        except (BucketError, AccessDeniedError) as problem:
            found.append(str(problem))
    return found


def _shown(line: Line, files: Sequence[Path | str], look: Callable[[Path], dict[str, Any]]) -> tuple[str, ...]:
    shown: set[str] = set()
    for mask, file in zip(line.masks, files, strict=True):
        if isinstance(file, str):
            raise MaskFaultError(f"its mask {mask.ref!r} is missing ({file.rstrip('.')})")
        seen = look(file)
        if "reason" in seen:
            raise MaskFaultError(f"its mask {mask.ref!r} {seen['reason']}")
        shown |= labels_in(mask, seen["colours"])
    if len(shown) > MOST_LABELS_OF_A_MASK:
        raise MaskFaultError(
            f"its mask {line.masks[0].ref!r} shows {len(shown)} anomaly labels, and {MOST_LABELS_OF_A_MASK} are allowed"
        )
    damaged = sorted(filter(shows_damage, shown))
    if damaged and line.label == NORMAL:
        raise MaskFaultError(f"it calls the picture normal, and its mask {line.masks[0].ref!r} shows {damaged[0]!r}")
    return tuple(sorted(shown))


def labels_in(mask: Mask, colours: Mapping[str, int]) -> set[str]:
    """The labels that a mask with these colours shows.

    Raises:
        MaskFaultError: it shows a colour that its map does not name, and none that it names.
    """
    found = {mask.colours[colour] for colour in colours if colour in mask.colours}
    strange = [colour for colour in colours if colour not in _PLAIN | mask.background]
    if not found and mask.colours and len(colours) > 1 and strange:
        often = max(strange, key=lambda colour: colours[colour])
        known = ", ".join(list(mask.colours)[:_TOLD])
        raise MaskFaultError(f"its mask {mask.ref!r} has the colour {often}, and its internal-color-map names {known} alone")
    return found


@contextmanager
def _eyes() -> Iterator[Callable[[Path], dict[str, Any]]]:
    """What looks at one mask after the other, in a process that is started for the first and again when one has killed it."""
    running: list[subprocess.Popen[str]] = []

    def look(path: Path) -> dict[str, Any]:
        if not running:
            arguments = [sys.executable, "-m", "walkaround.hosting.jobs.datasets.mask_child", str(os.getpid())]
            running.append(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))  # noqa: S603
        process = running[0]
        asked, answered = pipes_of(process)
        try:
            asked.write(json.dumps(str(path)) + "\n")
            asked.flush()
            line = answered.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            _end(running.pop())
            return {"reason": "takes more memory to decode than a mask may"}
        seen: dict[str, Any] = json.loads(line)
        return seen

    try:
        yield look
    finally:
        for process in running:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
