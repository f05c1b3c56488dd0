"""Lines and files that cannot be used, gathered while a dataset is read and told as problems at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from walkaround.damage.kinds import ANOMALY, NORMAL
from walkaround.datasets.sample import Dataset, Problem, Severity
from walkaround.errors import DatasetError

_EACH = 5
"""Up to so many faults of a kind are told one by one; more are told as one problem that names the first."""

_EACH_PLACE = 100
"""The same for wrong boxes and masks, because somebody has to look at every one of them."""

_LONGEST_LABEL = 100

_KINDS: Mapping[str, tuple[Severity, str]] = {
    "bad-line": ("warning", "correct it or take it out"),
    "missing-file": ("warning", "put the picture there or correct the path"),
    "unmapped-bucket": (
        "warning",
        "copy the bucket to this machine and say where it is with --bucket {detail}=FOLDER, or set the keys of S3",
    ),
    "missing-object": ("warning", ""),  # what is wrong comes with what to do, from the bucket
    "bad-label": ("warning", f"write a class name of 1 to {_LONGEST_LABEL} printable characters"),
    "bad-split": ("warning", "write train, validation or test"),
    "not-a-picture": ("note", "move it elsewhere if it does not belong there"),
    "not-a-class": ("note", "the picture is used without a label; only 'normal' and 'anomaly' are labels in such a manifest"),
    "bad-place": ("error", "correct it or take it out"),
    "bad-size": ("error", "what was drawn on another picture, or on one of another size, does not fit; correct one of them"),
    "unknown-class": ("error", "correct it, or add the class to the names"),
    "empty-labels": ("error", "export it again, or take it out"),
    "disagreeing": ("error", "correct one of them or take it out"),
    "unused-places": ("note", "give the folder that is meant to use what was drawn"),
    "unused-folder": ("note", "it stands beside train, validation and test; move it into one of them to use it"),
    "unused-labels": ("note", "give the other one itself to use its labels"),
    "unreadable-folder": ("warning", "permit reading it, or move its pictures up, and run the command again"),
    "repeated": ("note", "one is enough; take the others out"),
}


_OF_PLACES = frozenset(("bad-place", "bad-size", "unknown-class", "empty-labels", "disagreeing", "bad-record"))


def require_good_places(dataset: Dataset) -> None:
    """Refuse a dataset with boxes or masks that cannot be used, unless it was read so that they are skipped.

    Raises:
        DatasetError: naming every one of them.
    """
    bad = [problem for problem in dataset.problems if problem.kind in _OF_PLACES and problem.severity == "error"]
    if bad:
        count = sum(len(problem.files) for problem in bad)
        raise DatasetError(
            f"{str(dataset.origin)!r} has {count:,} labels that cannot be used; correct them, or give --skip-bad-labels to use"
            " the rest:\n" + "\n".join(" ".join(problem.message.splitlines()) for problem in bad)
        )


class LineError(Exception):
    """One line or file of a dataset cannot be used; the reader takes note of it and reads on."""

    def __init__(self, kind: str, what: str, detail: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.detail = detail


@dataclass
class Faults:
    """What was left out while reading, by kind (and bucket), in the order in which it was met.

    Attributes:
        skip_places: wrong boxes and masks are left out with a warning instead of an error.
    """

    skip_places: bool = False
    _met: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many faults were met so far."""
        return sum(map(len, self._met.values()))

    def add(self, kind: str, where: str, what: str, *, detail: str = "") -> None:
        """Take note of one fault: `where` is a line or file, `what` says what is wrong with it."""
        self._met.setdefault((kind, detail), []).append((where, what))

    def add_error(self, where: str, error: LineError) -> None:
        """Take note of the fault that `error` tells of."""
        self.add(error.kind, where, error.what, detail=error.detail)

    def problems(self) -> tuple[Problem, ...]:
        """One problem for each fault; kinds met more than a few times are one problem that names the first."""
        told: list[Problem] = []
        for (kind, detail), met in self._met.items():
            severity, advice = _KINDS[kind]
            advice = advice.format(detail=detail)
            if kind in _OF_PLACES and self.skip_places:
                severity = "warning"
            for where, what, files in _grouped(met, each=_EACH_PLACE if kind in _OF_PLACES else _EACH):
                message = f"{where}: {what}; {advice}." if advice else f"{where}: {what}."
                told.append(Problem(kind=kind, severity=severity, message=message, files=files))
        return tuple(told)


def _grouped(met: list[tuple[str, str]], *, each: int) -> list[tuple[str, str, tuple[str, ...]]]:
    if len(met) <= each:
        return [(where, what, (where,)) for where, what in met]
    first, what = met[0]
    return [(f"{first} and {len(met) - 1:,} more", what, tuple(where for where, _ in met))]


def shown(value: object, *, longest: int = 120) -> str:
    """`value` from outside, quoted for a message: control characters escaped, long text cut."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def checked_label(text: str) -> str | None:
    """The class name that `text` from outside stands for, None for an empty one; normal and anomaly in any case.

    Raises:
        LineError: it is too long, or holds characters that cannot be shown.
    """
    label = text.strip()
    if label.casefold() in (NORMAL, ANOMALY):
        return label.casefold()
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        raise LineError("bad-label", f"the label {shown(label, longest=60)} cannot be a class name")
    return label or None
