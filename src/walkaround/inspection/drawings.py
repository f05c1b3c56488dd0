"""Results as pictures and videos to look at: the originals, with the verdict and what was found where drawn on them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.damage.findings import Findings
from walkaround.errors import PictureError, StorageError, VideoError, writing
from walkaround.inspection.detector import in_order
from walkaround.inspection.following import FollowedPlaces
from walkaround.inspection.inputs import DRAWN_MARKER
from walkaround.inspection.outputs import replacing
from walkaround.inspection.results import Result, VideoFindings
from walkaround.inspection.timeline import Timeline
from walkaround.media.containers import VIDEO_LIMITS, VideoLimits
from walkaround.media.drawing import draw_findings, has_places
from walkaround.media.heat import HeatLayer, heat_layer
from walkaround.media.pictures import read_picture
from walkaround.media.videos import Frame, read_frames, video_facts, write_video
from walkaround.models.network import cores

_LOG = logging.getLogger(__name__)
_LONG_SIDE = 1600
_SHORT_SIDE = 1080
_NAMES_SIDE, _MOST_ENLARGED = 640, 8.0  # pixels on the long side that names of damage can be read on
_QUALITY = 90
_NAME_BYTES = 200  # of 255, which leaves room for a number and an ending
_VIDEO_THREADS = 4  # encoding does not go faster, and each holds frames of full size


def draw_results(
    results: Iterable[Result],
    folder: Path,
    *,
    heat: bool = True,
    threads: int | None = None,
    colours: Mapping[str, str] | None = None,
) -> Iterator[Result]:
    """Draw each picture and video into a folder, and pass its result on.

    A picture becomes `<name>.jpg`, at most 1600 pixels on the long side, a video `<name>.mp4`. Results of the same name get
    numbers: `<name>-2.jpg`. An original that cannot be read again is left out, with a warning in the log.

    Args:
        results: what `detect` gives.
        folder: a new or empty one, or one that was drawn into before: other files in it could be someone's originals.
        heat: whether to draw the heat maps that findings have.
        threads: pictures drawn at the same time; as many as there are cores when not given.
        colours: of classes of boxes and masks; see `Detector.colours`.

    Raises:
        StorageError: on the first step when the folder holds other files; later when the disk refuses.
    """
    claim_folder(folder)
    threads = threads or cores()

    def draw(item: tuple[Result, str]) -> Result:
        return _drawn(item[0], folder / item[1], heat=heat, threads=threads, colours=colours)

    # A video is drawn on all threads by itself.
    for is_video, group in groupby(named(results), key=lambda item: isinstance(item[0], VideoFindings)):
        yield from in_order(draw, group, threads=threads) if not is_video else map(draw, group)  # noqa: B031 - one of the two


def draw_picture(findings: Findings, path: Path, *, heat: bool = True, colours: Mapping[str, str] | None = None) -> None:
    """Read a picture again and write it with its findings, as JPEG; a small one with places is enlarged for their names.

    Raises:
        PictureError: the original cannot be read.
        StorageError: `path` cannot be written.
    """
    scale = min(1.0, _LONG_SIDE / max(findings.width, findings.height))
    pixels = read_picture(Path(findings.source), side=-int(-min(findings.width, findings.height) * scale // 1)).pixels
    image = Image.fromarray(pixels)
    image.thumbnail((_LONG_SIDE, _LONG_SIDE))
    if has_places(findings) and max(image.size) < _NAMES_SIDE:
        larger = min(_MOST_ENLARGED, _NAMES_SIDE / max(image.size))
        image = image.resize((round(image.width * larger), round(image.height * larger)), Image.Resampling.BICUBIC)
    drawn = draw_findings(np.asarray(image), findings, heat=heat, colours=colours)
    with replacing(path) as file, writing(path):
        Image.fromarray(drawn).save(file, "JPEG", quality=_QUALITY)


def draw_video(
    found: VideoFindings,
    path: Path,
    *,
    heat: bool = True,
    threads: int = 1,
    limits: VideoLimits = VIDEO_LIMITS,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Decode a video and write each frame with the findings nearest in time, as MP4; at most 1080 pixels on the short side.

    Under the frame stand the banner of its findings and a strip: the length of the video, the stretches in which damage is
    seen, and the current position. Boxes move along between frames; see `FollowedPlaces`. A few frames are held at once,
    however long the video is.

    Args:
        found: what was found in the video, which is read again from `found.source`.
        path: where to; a file there is replaced when the drawing is complete.
        heat: whether to draw the heat maps that findings have.
        threads: frames drawn at the same time.
        limits: what the video may cost; those that it was inspected with.
        colours: of classes of boxes and masks; see `Detector.colours`.

    Raises:
        VideoError: the original cannot be read.
        StorageError: `path` cannot be written.
    """
    source = Path(found.source)
    facts = video_facts(source, limits=limits)
    followed = FollowedPlaces(found)
    maps = {findings.time: findings.heat_map for findings in found.frames}

    @lru_cache(maxsize=2)  # many frames show the same findings, one after the other
    def layer_at(time: float | None, width: int, height: int) -> HeatLayer | None:
        heat_map = maps[time]
        return heat_layer(heat_map, width, height) if heat and heat_map is not None else None

    @lru_cache(maxsize=1)
    def timeline_of(width: int, height: int) -> Timeline:
        return Timeline(found, width=width, height=height)

    def draw(frame: Frame) -> Frame:
        nearest, (height, width) = found.nearest(frame.time), frame.pixels.shape[:2]
        heated = heat and nearest.boxes is None and nearest.masks is None  # or else it would come and go with them
        layer = layer_at(nearest.time, width, height) if heated else None
        pixels = draw_findings(frame.pixels, followed.at(frame.time), heat=heated, layer=layer, colours=colours)
        return Frame(time=frame.time, pixels=np.concatenate([pixels, timeline_of(width, height).at(frame.time)]))

    frames = _alike(read_frames(source, side=_SHORT_SIDE, limits=limits, incomplete=_told_before))
    drawn = in_order(draw, frames, threads=min(threads, _VIDEO_THREADS))
    write_video(path, drawn, frame_rate=facts.frame_rate or 25.0)


def _told_before(incomplete: str) -> None:
    """The findings say that frames are missing."""
    del incomplete


def _alike(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames in the first one's size, which a stream may change."""
    shape: tuple[int, ...] | None = None
    for frame in frames:
        shape = shape or frame.pixels.shape
        yield frame if frame.pixels.shape == shape else replace(frame, pixels=_resized(frame.pixels, shape))


def _resized(pixels: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def _drawn(result: Result, path: Path, *, heat: bool, threads: int, colours: Mapping[str, str] | None) -> Result:
    try:
        if isinstance(result, Findings):
            draw_picture(result, path, heat=heat, colours=colours)
        elif isinstance(result, VideoFindings):
            draw_video(result, path, heat=heat, threads=threads, colours=colours)
    except (PictureError, VideoError) as problem:
        _LOG.warning("%r was inspected but could not be drawn: %s", result.source, problem)
    return result


def claim_folder(folder: Path) -> None:
    """Make and mark a folder for drawings; refuse one that holds what walkaround did not draw.

    Raises:
        StorageError: it holds other files, or the disk refuses.
    """
    marker = folder / DRAWN_MARKER
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if marker.exists():
            return
        other = next((path.name for path in folder.iterdir()), None)
        if other is None:
            marker.touch()
            return
    raise StorageError(f"{str(folder)!r} holds other files, such as {other!r}; choose a new or an empty folder to draw into.")


def named(results: Iterable[Result], *, picture: str = ".jpg", video: str = ".mp4") -> Iterator[tuple[Result, str]]:
    """Each result with the file name that its drawing gets; no two are alike, in capitals or not.

    Args:
        results: what `detect` gives; refusals get an empty name.
        picture: the ending of a picture's name.
        video: the ending of a video's.
    """
    taken: dict[str, int] = {}  # name to the last number given to it
    for result in results:
        if not isinstance(result, Findings | VideoFindings):
            yield result, ""
            continue
        ending = picture if isinstance(result, Findings) else video
        stem = _safe(Path(result.source).stem)
        first = name = stem + ending
        number = taken.get(first.casefold(), 0)
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{ending}"
        taken[first.casefold()] = max(number, 1)
        taken.setdefault(name.casefold(), 1)
        yield result, name


def _safe(stem: str) -> str:
    """A file's name for any disk: nothing that has no shape or means something to a shell or to Windows, and not too long."""
    plain = "".join(letter if letter.isprintable() and letter not in '<>:"/\\|?*' else "_" for letter in stem).strip(" .")
    return plain.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore") or "unnamed"
