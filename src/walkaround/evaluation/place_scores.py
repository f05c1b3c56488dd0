"""The nouns of measuring places: one picture with what was drawn and what was found, and the outcome of all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from walkaround.damage.findings import Findings
from walkaround.damage.kinds import shows_damage
from walkaround.damage.places import Place
from walkaround.evaluation.box_scores import BoxScores
from walkaround.evaluation.mask_scores import MaskScores


@dataclass(frozen=True, kw_only=True)
class PlacedRow:
    """One measured picture.

    Attributes:
        path: of the picture.
        truth: what was drawn on it.
        findings: what was found, with the boxes that the model tells of; masks only where they were asked for again.
        missed: boxes that were not found.
        false_alarms: boxes that are told and are not there.
        overlap: of masks, the mean intersection over union of the classes that are there or were marked; None where none is.
        badness: how wrong the picture is, 0 is best: missed boxes, scores of false alarms, and what overlap lacks of 1.
    """

    path: Path
    truth: tuple[Place, ...]
    findings: Findings
    missed: int
    false_alarms: int
    overlap: float | None
    badness: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceEvaluation:
    """The outcome of measuring boxes and masks.

    Attributes:
        boxes: None from a model that finds no boxes, or where nobody drew any.
        masks: None from a model that finds no masks, or where nobody drew any.
        rows: every picture that was measured, in the order of the samples.
    """

    boxes: BoxScores | None
    masks: MaskScores | None
    rows: tuple[PlacedRow, ...]

    @property
    def of_damage(self) -> bool:
        """Whether all that was to be found is damage; False for parts of cars."""
        classes = [name for part in (self.boxes, self.masks) if part is not None for name in part.classes]
        return all(map(shows_damage, classes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known, in sentences."""
        return tuple(note for part in (self.boxes, self.masks) if part is not None for note in part.notes)

    @property
    def worst(self) -> tuple[PlacedRow, ...]:
        """The pictures with mistakes, the worst first."""
        return tuple(sorted((row for row in self.rows if row.badness > 0), key=lambda row: -row.badness))
