"""The one artefact: a package, a folder with `model.onnx` and `card.json`. It is all that a detector needs.

A package appears whole or not at all: it is written beside its place and moved there. Reading one checks that neither file was
changed since, so that no verdict ever comes of half a model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from walkaround.errors import PackageError, StorageError, writing

FORMAT = 2
"""Rises when packages change in a way that older versions of walkaround cannot read."""

MULTI_LABEL_FORMAT = 3
"""Of multi-label packages, whose probabilities mean something else: older versions would read them wrongly."""

_OF_KINDS = "kind_thresholds"

MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"

Task = Literal["classes", "multi-label", "anomaly", "places"]


@dataclass(frozen=True, kw_only=True)
class BoxPart:
    """The part of a package that finds boxes.

    Attributes:
        classes: names in the order of the part's class numbers.
        side: height and width in pixels of its input.
        thresholds: for each class, the score from which a box is told; chosen on training pictures.
        overlap: part of a tile's side that the next tile repeats when a large picture is searched in tiles; 0: no tiles.
    """

    classes: tuple[str, ...]
    side: int
    thresholds: tuple[float, ...]
    overlap: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MaskPart:
    """The part of a package that finds masks.

    Attributes:
        classes: names in the order of the part's outputs, background not counted.
        side: height and width in pixels of its input.
        colours: for each class, "#RRGGBB".
        smallest: share of the picture below which a class is taken for noise and not told.
    """

    classes: tuple[str, ...]
    side: int
    colours: tuple[str, ...]
    smallest: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Card:
    """What `card.json` holds.

    Attributes:
        task: where the verdict comes from: "classes" tells labelled classes apart, "multi-label" tells whole from damaged and
            each damage type for itself, "anomaly" knows normal pictures only, "places" had no whole pictures to learn from, and
            goes by the surest box or the largest mask.
        classes: names in the order of the model's probabilities.
        normal: those of the classes that mean a whole car.
        threshold: probability of damage from which a picture is called anomalous.
        side: height and width in pixels of the model's input.
        model_sha256: of `model.onnx`.
        data: fingerprint, counts and origin of what it was trained on.
        training: seed, candidates and their cross-validated scores, seconds, versions.
        scores: measured on this package, on pictures that took no part in training; empty when there were none.
        licences: of the parts that the package carries.
        boxes, masks: what the model finds besides the verdict; None where it was not trained to.
        kind_thresholds: of a multi-label model, for each damage type the probability from which it is told; else None. Cards of
            format 2 do not have it.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    normal: tuple[str, ...]
    threshold: float
    side: int
    model_sha256: str
    created: str
    walkaround: str
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    boxes: BoxPart | None = None
    masks: MaskPart | None = None
    kind_thresholds: Mapping[str, float] | None = None
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package on disk whose files are proven unchanged."""

    path: Path
    card: Card

    @property
    def model(self) -> Path:
        """Path of the ONNX model."""
        return self.path / MODEL_FILE

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that tell this package from every other."""
        return _fingerprint(_stored(self.card))[:12]


def read_package(path: Path | str) -> Package:
    """Open a package and check that it is whole.

    Raises:
        PackageError: it is missing, lacks a file, was altered, or is of a format that this version does not know.
    """
    card = read_card(path)
    folder = Path(path)
    with _reading(folder):
        model_sha256 = hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()
    if card.model_sha256 != model_sha256:
        raise PackageError(
            f"{MODEL_FILE} of the package {str(folder)!r} was altered after training (its SHA-256 is not the card's);"
            " copy the whole folder again or train it again."
        )
    return Package(path=folder, card=card)


def read_card(path: Path | str) -> Card:
    """The card of a package, proven unchanged. The model file, which takes longer, is not looked at.

    Raises:
        PackageError: the package or its card is missing, was altered, or is of a format that this version does not know.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise PackageError(f"There is no package at {str(folder)!r}; give the folder that `walkaround train --out` wrote.")
    with _reading(folder):
        stored = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    return _card(stored, folder)


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Tell what is wrong with a file of a package as a problem of the package."""
    try:
        yield
    except FileNotFoundError as problem:
        missing = Path(str(problem.filename)).name
        raise PackageError(
            f"The package {str(folder)!r} lacks {missing}; copy the whole folder again or train it again."
        ) from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise PackageError(f"The package {str(folder)!r} cannot be read ({problem}); copy the whole folder again.") from problem


def _card(stored: object, folder: Path) -> Card:
    if not isinstance(stored, dict) or "format" not in stored:
        raise PackageError(
            f"{CARD_FILE} of {str(folder)!r} is no walkaround card; give the folder that `walkaround train` wrote."
        )
    if stored["format"] not in (FORMAT, MULTI_LABEL_FORMAT):
        raise PackageError(
            f"The package {str(folder)!r} has format {stored['format']!r}, this version reads {FORMAT} and"
            f" {MULTI_LABEL_FORMAT}; update walkaround."
        )
    seal = stored.pop("fingerprint", None)
    known = {one.name for one in fields(Card)} - (set() if stored["format"] == MULTI_LABEL_FORMAT else {_OF_KINDS})
    if seal != _fingerprint(stored) or set(stored) != known:
        raise PackageError(
            f"{CARD_FILE} of the package {str(folder)!r} was altered after training;"
            " copy the whole folder again or train it again."
        )
    stored["boxes"] = None if stored["boxes"] is None else BoxPart(**_tuples(stored["boxes"]))
    stored["masks"] = None if stored["masks"] is None else MaskPart(**_tuples(stored["masks"]))
    card = Card(**_tuples(stored))
    kinds = set(card.classes) - set(card.normal) if card.task == "multi-label" else set()
    if set(card.kind_thresholds or ()) != kinds or (card.format == MULTI_LABEL_FORMAT) != (card.task == "multi-label"):
        raise PackageError(
            f"{CARD_FILE} of the package {str(folder)!r} has no threshold for each of its damage types; train it again."
        )
    return card


def _stored(card: Card) -> dict[str, Any]:
    """The card as plain values for its file; what its format does not know stays out."""
    stored = asdict(card)
    if card.format != MULTI_LABEL_FORMAT:
        stored.pop(_OF_KINDS)
    return stored


def _tuples(stored: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples; lists at the top of a part are all meant as such."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}


def write_package(path: Path, model: bytes, card: Card) -> Package:
    """Write a package; one that is there already is replaced in one step.

    Raises:
        StorageError: the disk refuses, or something that is no package is in the way.
    """
    check_target(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            stored = _stored(card)
            _write(part / MODEL_FILE, model)
            text = json.dumps({**stored, "fingerprint": _fingerprint(stored)}, indent=2, ensure_ascii=False)
            _write(part / CARD_FILE, text.encode("utf-8", "backslashreplace"))  # names may come of any file's
            part.chmod(0o755)
            _replace(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return Package(path=path, card=card)


def check_target(path: Path) -> None:
    """Refuse, before hours of work, a place where no package can be written.

    Raises:
        StorageError: a file or a folder that is no package is there, or the folder around it cannot be written.
    """
    if path.exists() and not (path / CARD_FILE).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise StorageError(f"{str(path)!r} exists and is no package; choose another name for the package.")
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    with writing(path), tempfile.TemporaryFile(dir=parent):
        pass


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(part: Path, path: Path) -> None:
    """Move `part` to `path`. A folder cannot be replaced in one step everywhere: the old one steps aside first."""
    if not path.exists():
        part.rename(path)
        return
    aside = part.with_suffix(".old")
    path.rename(aside)
    try:
        part.rename(path)
    except OSError:
        aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _fingerprint(card: Mapping[str, Any]) -> str:
    canonical = json.dumps(card, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "backslashreplace")).hexdigest()
