"""The mistakes that a model was surest of, with the pictures small enough to travel inside a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from walkaround.errors import PictureError
from walkaround.evaluation.measure import Evaluation, Row
from walkaround.media.heat import heat_overlay
from walkaround.media.pictures import read_picture

THUMBNAIL = (320, 240)
"""Width and height in pixels that a thumbnail fits into: 20 kB of page each, sharp at 160 points on a phone."""


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """Pictures that were judged wrongly, surest mistake first.

    Attributes:
        missed: damaged, but called whole.
        false_alarms: whole, but called damaged.
        misnamed: damaged and called so, but by the name of another damage, or with one missing or too many.
    """

    missed: tuple[Row, ...]
    false_alarms: tuple[Row, ...]
    misnamed: tuple[Row, ...]


def find_mistakes(evaluation: Evaluation) -> Mistakes:
    """All mistakes, surest first."""
    damaged = [row for row in evaluation.rows if row.truth not in evaluation.normal]
    whole = [row for row in evaluation.rows if row.truth in evaluation.normal]
    kinds = evaluation.kinds
    found = [row for row in damaged if row.findings.anomalous]
    misnamed = [row for row in found if row.findings.label != row.truth] if evaluation.scores.of_labels else []
    if kinds is not None:
        misnamed = [row for row in found if kinds.names_wrongly(row.labels, row.findings)]
    return Mistakes(
        missed=tuple(sorted((row for row in damaged if not row.findings.anomalous), key=lambda row: row.findings.damage)),
        false_alarms=tuple(sorted((row for row in whole if row.findings.anomalous), key=lambda row: -row.findings.damage)),
        misnamed=tuple(sorted(misnamed, key=_sureness_of_name)),
    )


def shares(counts: Sequence[int], places: int) -> list[int]:
    """How many of each kind to show in so many places: as evenly as the counts allow."""
    given = [0] * len(counts)
    while sum(given) < min(places, sum(counts)):
        open_kinds = [kind for kind, count in enumerate(counts) if given[kind] < count]
        given[min(open_kinds, key=given.__getitem__)] += 1
    return given


def thumbnails(row: Row) -> list[str]:
    """The picture, and with its heat map where there is one, as JPEG data URIs without any metadata.

    Raises:
        PictureError: when the picture can no longer be read.
    """
    pixels = read_picture(row.path, side=THUMBNAIL[1]).pixels
    small = Image.fromarray(pixels)
    small.thumbnail(THUMBNAIL)
    views = [np.asarray(small)]
    if row.findings.heat_map is not None:
        views.append(heat_overlay(views[0], row.findings.heat_map))
    return [data_uri(view) for view in views]


def thumbnails_or_reason(row: Row) -> list[str] | str:
    """As `thumbnails`, or the reason when the picture is gone since it was measured."""
    try:
        return thumbnails(row)
    except PictureError as problem:
        return str(problem)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture, uint8 [h, w, 3], RGB, as a JPEG inside an address."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=78, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(target.getvalue()).decode("ascii")


def _sureness_of_name(row: Row) -> float:
    return -row.findings.probabilities.get(row.findings.label, 0.0)
