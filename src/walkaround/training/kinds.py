"""Which of the damage types that pictures are labelled with can be learnt, where a picture may show several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from walkaround.datasets.sample import Problem
from walkaround.errors import TrainingError


def learnable_kinds(
    pictures: Sequence[tuple[Sequence[str], int]], kinds: Iterable[str], *, fewest: int
) -> tuple[list[str], list[Problem]]:
    """The damage types that enough pictures show and enough do not, sorted, and what to say of the others.

    Args:
        pictures: labels and duplicate group of each picture of which it is known what it shows.
        kinds: all damage types.
        fewest: different pictures on either side, below which a damage type is left out.

    Raises:
        TrainingError: none can be learnt.
    """
    few = {}
    for kind in sorted(kinds):
        counts = Counter(shown for shown, _ in {(kind in labels, group) for labels, group in pictures})
        if min(counts[True], counts[False]) < fewest:
            few[kind] = f"{kind!r} is on {counts[True]} and not on {counts[False]}"
    left = [kind for kind in sorted(kinds) if kind not in few]
    if not left and not few:
        raise TrainingError(
            "No picture names a damage type, so there is nothing for a multi-label model to tell: label pictures with types,"
            " such as 'dent;scratch', or leave out --multi-label."
        )
    what = (
        f"takes at least {fewest} different pictures that show it, better 50, and {fewest} that do not:"
        f" {', '.join(few.values())}."
    )
    if not left:
        raise TrainingError(f"To learn a damage type {what} Add pictures.")
    if not few:
        return left, []
    message = f"To learn a damage type {what} These are not learnt; add pictures, or fold them into others with --rename."
    return left, [Problem(kind="few-kinds", severity="warning", message=message)]
