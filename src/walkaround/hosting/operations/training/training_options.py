"""What may be asked of a training: time, thoroughness, parts; what was not asked for, the settings of the service decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from walkaround.errors import MissingExtraError, ValidationError
from walkaround.settings import Settings
from walkaround.training.recipe import Part, Quality, Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of one training.

    Attributes:
        minutes: time that it may take; None: as the settings say.
        quality: for the verdict; None: as the settings say.
        parts: to train; empty: all that the labels allow.
        multi_label: whether the verdict learns each damage type for itself; None: the labels decide.
    """

    minutes: float | None = None
    quality: Quality | None = None
    parts: tuple[Part, ...] = ()
    multi_label: bool | None = None

    def told(self) -> dict[str, Any] | None:
        """What a row and a task keep: the options that were given; None where none was."""
        told: dict[str, Any] = {}
        if self.minutes is not None:
            told["minutes"] = self.minutes
        if self.quality is not None:
            told["quality"] = str(self.quality)
        if self.parts:
            told["parts"] = [str(part) for part in self.parts]
        if self.multi_label is not None:
            told["multi_label"] = self.multi_label
        return told or None

    def recipe(self, settings: Settings, *, cache: Path | None = None) -> Recipe:
        """How the training is done, with what the settings decide."""
        return Recipe(
            minutes=settings.training_minutes if self.minutes is None else self.minutes,
            quality=Quality(settings.training_quality) if self.quality is None else self.quality,
            only=self.parts,
            cache=cache or settings.data / "cache" / "features",
        )


def options_told(told: Mapping[str, Any] | None) -> TrainingOptions:
    """The options that a row or a task keeps."""
    told = told or {}
    return TrainingOptions(
        minutes=told.get("minutes"),
        quality=Quality(told["quality"]) if "quality" in told else None,
        parts=tuple(Part(name) for name in told.get("parts", ())),
        multi_label=told.get("multi_label"),
    )


def check_options(options: TrainingOptions, settings: Settings) -> None:
    """Return if the operator allows what is asked for.

    Raises:
        ValidationError: it is more time than that.
    """
    most = settings.training_minutes
    if options.minutes is not None and most is not None and options.minutes > most:
        raise ValidationError(
            f"A training may take {most:g} minutes here, and {options.minutes:g} are asked for: ask for less, or have the"
            " setting training_minutes raised."
        )


def has_pytorch() -> bool:
    """Whether boxes and masks can be trained, and networks be fine-tuned."""
    return find_spec("torch") is not None


_WORDS: Mapping[str, str] = {
    ", or give them the name of another class with --rename": ", or label them as another kind",
    "Type the command again to go on from what was read, or give more --minutes.": "Train again to go on from what was"
    " read, or allow more minutes.",
    "give more --minutes for better ones": "allow more minutes for better ones",
    ", or --only verdict": ", or train the verdict alone",
    "; or leave out --quality best": "; or choose the quality fast",
    "; or train the verdict alone with --only verdict": "; or train the verdict alone",
    " Draw some, or leave out --only.": " Draw some, or do not ask for these parts alone.",
    "so there are no scores; give --test.": "so there are no scores; add pictures.",
    "; then fold them with --rename": "; then give both one name",
    ", or fold it into another with --rename": ", or give it the name of another",
    "Give more --threads, put pictures": "Put pictures",
    "These are not learnt; add pictures, or fold them into others with --rename.": "These are not learnt: name them on more"
    " pictures, or give them the names of others.",
    "label pictures with types, such as 'dent;scratch', or leave out --multi-label.": "name types on pictures, or let the"
    " labels decide what is learnt.",
    ", or give --multi-label if the picture shows all of these.": ", or name all of them on both if the picture shows all.",
    " `walkaround check` names each;": " The check of the dataset names each;",
}
"""What trainings say to who types commands, and to who asks over the API."""


def in_service_words(message: str) -> str:
    """A sentence of a training without the options of the command line."""
    for typed, asked in _WORDS.items():
        message = message.replace(typed, asked)
    return message


class Draws(Protocol):
    """Whether anybody drew masks, and boxes."""

    @property
    def has_masks(self) -> bool:
        """Whether anybody drew a mask."""

    @property
    def has_boxes(self) -> bool:
        """Whether anybody drew a box."""


def require_pytorch(drawn: Draws, *, installed: bool, recipe: Recipe | None = None) -> None:
    """Return if what was drawn can be learnt on this machine.

    Args:
        drawn: what was drawn.
        installed: whether PyTorch is.
        recipe: which parts are wanted; None: all.

    Raises:
        MissingExtraError: it is needed, and not installed.
    """
    recipe = recipe or Recipe()
    masks, boxes = drawn.has_masks and recipe.wants("masks"), drawn.has_boxes and recipe.wants("boxes")
    if (masks or boxes) and not installed:
        what = "masks" if masks else "boxes"
        raise MissingExtraError(
            f"The pictures have {what}, and a model that learns from {what} needs PyTorch, which the server does not have:"
            " pip install 'walkaround[train]' there, and train again."
        )
