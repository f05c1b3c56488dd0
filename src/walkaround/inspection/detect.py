"""Files and folders in, one result for each picture and video out, as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from walkaround.damage.findings import Findings
from walkaround.errors import InputError, VideoError
from walkaround.inspection.detector import Detector, in_order
from walkaround.inspection.inputs import Input, count_inputs, list_inputs
from walkaround.inspection.results import Refusal, Result, VideoFindings
from walkaround.inspection.video import inspect_video
from walkaround.models.package import Package

Progress = Callable[[int, int], None]
"""Gets how many files have been dealt with, and how many there are."""


def detect(
    model: Detector | Package | Path | str,
    sources: Path | str | Iterable[Path | str],
    *,
    heat: bool = False,
    frames: int = 24,
    rate: float | None = None,
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Inspect pictures and videos, in the order given, several at the same time.

    Memory does not grow with their number. What cannot be used gives a `Refusal`, and the others go on. Files in folders that
    are known to be no pictures or videos, tables and texts, give nothing.

    Args:
        model: a detector, or a package, opened or its folder.
        sources: pictures, videos, and folders, which are searched with all folders in them; see `list_inputs`.
        heat: whether findings get heat maps.
        frames: of a video, how many are inspected at most.
        rate: of a video, inspect this many frames a second instead.
        progress: called from the thread that asks for the results, each time a file is done.

    Raises:
        InputError: at once, when `frames` or `rate` is not positive.
        PackageError: at once, when the package is missing or damaged.
    """
    if frames < 1 or (rate is not None and not rate > 0):
        asked = f"{frames} frames" if frames < 1 else f"{rate:g} frames a second"
        raise InputError(f"A video cannot be inspected in {asked}; ask for more than 0.")
    detector = model if isinstance(model, Detector) else Detector(model)
    paths = [Path(source) for source in ([sources] if isinstance(sources, Path | str) else sources)]
    return _results(detector, paths, heat=heat, video=(frames, rate), progress=progress)


def _results(
    detector: Detector, sources: list[Path], *, heat: bool, video: tuple[int, float | None], progress: Progress | None
) -> Iterator[Result]:
    total = count_inputs(sources) if progress is not None else 0

    def numbered(item: tuple[int, Input]) -> tuple[int, Result | None]:
        return item[0], _inspected(detector, item[1], heat=heat, video=video)

    # A video uses all threads by itself, and the next one must not be held in memory at the same time.
    done = 0
    for is_video, group in groupby(enumerate(list_inputs(sources), start=1), key=lambda item: item[1].kind == "video"):
        for done, result in map(numbered, group) if is_video else in_order(numbered, group, threads=detector.threads):
            if result is not None:
                yield result
            if progress is not None:
                progress(done, max(done, total))


def _inspected(detector: Detector, item: Input, *, heat: bool, video: tuple[int, float | None]) -> Result | None:
    source = str(item.path)
    if item.refused is not None:
        return Refusal(source=source, reason=item.refused)
    found: Findings | VideoFindings | InputError | None = None
    if item.kind == "picture":
        found = detector.read(item.path, heat=heat)
    elif item.kind == "video":
        try:
            found = inspect_video(detector, item.path, at_most=video[0], rate=video[1], heat=heat)
        except VideoError as problem:
            found = problem
    return Refusal(source=source, reason=found) if isinstance(found, InputError) else found
