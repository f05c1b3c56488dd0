"""The part of the scorecard page about boxes and masks: class by class, and the worst pictures with the truth beside."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
from PIL import Image

from walkaround.damage.colours import colours_of
from walkaround.damage.findings import Findings, FoundBox, FoundMasks
from walkaround.datasets.outlines import box_of, label_map
from walkaround.errors import PictureError
from walkaround.evaluation.box_scores import BoxClassScores, BoxScores
from walkaround.evaluation.intervals import Interval
from walkaround.evaluation.mistakes import data_uri
from walkaround.evaluation.place_scores import PlacedRow, PlaceEvaluation
from walkaround.media.drawing import Pixels, draw_places
from walkaround.media.pictures import read_picture

VIEW = (560, 420)
"""Width and height in pixels that a picture with its boxes fits into."""


def places_section(places: PlaceEvaluation, *, pictures: int) -> str:
    """Tables of boxes and masks, and the worst mistakes.

    Args:
        places: what was measured.
        pictures: how many mistakes to show at most.
    """
    parts = [_box_tables(places), _mask_table(places), _worst(places, pictures)]
    return "".join(part for part in parts if part)


def _box_tables(places: PlaceEvaluation) -> str:
    scores = places.boxes
    if scores is None:
        return ""
    columns = ("Boxes", "AP", "AP50", "AP75", "Precision", "Recall", "F1", "From score")
    rows = [(escape(name), [*_box_cells(one), one.threshold]) for name, one in scores.per_class.items()]
    rows.append(("All", _box_cells(scores)))
    mean, told = scores.average, scores.told
    sizes = [
        (f"{name}<small>{meaning}</small>", [getattr(mean, f"ap_{name.lower()}"), getattr(mean, f"ar_{name.lower()}")])
        for name, meaning in (
            ("Small", "below 32 by 32 pixels"),
            ("Medium", "up to 96 by 96 pixels"),
            ("Large", "larger than that"),
        )
    ]
    lead = (
        f"{told.there:,} boxes in {scores.n:,} pictures. AP is COCO's average precision: over all scores and over overlaps"
        " from 0.50 to 0.95; AP50 and AP75 are at one overlap. Precision, recall and F1 are of the boxes that the model tells,"
        f" where half of both boxes together is common. AP50 of all: {_told(mean.ap50)}{_span(scores.intervals.get('ap50'))}."
    )
    body = _table("Class by class", columns, rows)
    body += _table("By size", ("AP", "AR100"), sizes)
    return _section("Boxes", lead, f'<div class="tables many">{body}</div>{_notes(scores.notes)}')


def _box_cells(scores: BoxScores | BoxClassScores) -> list[float | None]:
    average, told = scores.average, scores.told
    return [told.there, average.ap, average.ap50, average.ap75, told.precision, told.recall, told.f1]


def _mask_table(places: PlaceEvaluation) -> str:
    scores = places.masks
    if scores is None:
        return ""
    columns = ("Pictures", "IoU", "IoU by picture", "Precision", "Recall", "F1")
    rows = [
        (escape(name), [one.support, one.iou, one.aiou, one.pixels.precision, one.pixels.recall, one.pixels.f1])
        for name, one in scores.per_class.items()
    ]
    rows.append(("Mean", [scores.n, scores.mean_iou, scores.mean_aiou, None, None, None]))
    lead = (
        "IoU is the share of the pixels marked by the model or by a person that both marked, over all pictures together; by"
        " picture, it is the mean of each picture's own. Precision, recall and F1 are of pixels. Background is no class here."
        f" Mean IoU: {_told(scores.mean_iou)}{_span(scores.intervals.get('mean_iou'))}."
    )
    body = _table("Class by class", columns, rows)
    return _section("Masks", lead, f'<div class="tables many">{body}</div>{_notes(scores.notes)}')


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<ul>{items}</ul>" if items else ""


def _worst(places: PlaceEvaluation, most: int) -> str:
    worst = places.worst
    if not worst:
        return _section("Places that are wrong", "There were none in these pictures.", "")
    shown = worst[: max(0, most)]
    if not shown:
        return ""
    lead = (
        f"{len(shown)} of {len(worst):,} pictures with something missed, invented or marked wrongly, the worst first. On the"
        " left is what a person drew, on the right what the model found. Some may be wrong labels: look closely."
    )
    return _section(
        "Places that are wrong", lead, f'<div class="photos wide">{"".join(_photo(row, places) for row in shown)}</div>'
    )


def _photo(row: PlacedRow, places: PlaceEvaluation) -> str:
    name = escape(row.path.name)
    try:
        views = [data_uri(view) for view in views_of(row, places)]
        words = (f"What was drawn on {name}", f"What was found in {name}")
        inside = "".join(f'<img src="{view}" alt="{word}" loading="lazy">' for view, word in zip(views, words, strict=True))
    except PictureError as problem:
        inside = f"<p>{escape(str(problem))}</p>"
    told = [] if places.boxes is None else [f"{row.missed} missed", f"{row.false_alarms} invented"]
    told += [] if row.overlap is None else [f"overlap of masks {row.overlap:.0%}"]
    return f'<figure><div class="pair">{inside}</div><figcaption><b>{name}</b><br>{" · ".join(told)}</figcaption></figure>'


def views_of(row: PlacedRow, places: PlaceEvaluation) -> tuple[Pixels, Pixels]:
    """The picture with what was drawn, and with what was found: uint8 [h, w, 3], RGB, within `VIEW`.

    Raises:
        PictureError: the picture, or a mask of it, can no longer be read.
    """
    picture = read_picture(row.path, side=VIEW[1])
    image = Image.fromarray(picture.pixels)
    image.thumbnail(VIEW)
    pixels = np.asarray(image)
    classes = _classes(places)
    colours = colours_of([*classes, *(place.label for place in row.truth)])
    if row.findings.masks is not None:
        colours |= row.findings.masks.colours
    truth = _truth(row, places, size=(picture.width, picture.height), shown=image.size)
    return draw_places(pixels, truth, colours=colours, sure=False), draw_places(pixels, row.findings, colours=colours)


def _classes(places: PlaceEvaluation) -> tuple[str, ...]:
    own = [scores.classes for scores in (places.boxes, places.masks) if scores is not None]
    return tuple(sorted({name for names in own for name in names}))


def _truth(row: PlacedRow, places: PlaceEvaluation, *, size: tuple[int, int], shown: tuple[int, int]) -> Findings:
    """What was drawn as if it had been found, so that it is drawn in the same way."""
    width, height = size
    boxes: tuple[FoundBox, ...] = ()
    masks = None
    if places.boxes is not None:
        found = [(place, box_of(place, width, height)) for place in row.truth]
        boxes = tuple(FoundBox(label=place.label, score=1.0, box=box) for place, box in found if box is not None)
    if places.masks is not None:
        names = tuple(sorted({place.label for place in row.truth}))
        outlined = [place for place in row.truth if place.outline is not None]
        labels = label_map(outlined, names, width=width, height=height, size=shown)
        masks = FoundMasks(names=names, labels=labels, colours={})
    return Findings(
        source=str(row.path), anomalous=True, confidence=1.0, label="", damage=1.0, width=width, height=height, boxes=boxes,
        masks=masks,
    )  # fmt: skip


def _table(caption: str, columns: Iterable[str], rows: Iterable[tuple[str, list[float | None]]]) -> str:
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{name}</th>' + "".join(f'<td class="number">{_told(cell)}</td>' for cell in cells) + "</tr>"
        for name, cells in rows
    )
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr><th scope="col"></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _section(name: str, lead: str, body: str) -> str:
    return f"<section><h2>{name}</h2><p>{lead}</p>{body}</section>\n"


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _span(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"
