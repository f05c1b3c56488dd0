"""Masks that came from elsewhere, opened for a person to go on painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from walkaround.buckets.buckets import Buckets
from walkaround.buckets.names import split_address
from walkaround.damage.places import Runs
from walkaround.datasets.runs import unpacked
from walkaround.errors import ValidationError
from walkaround.hosting.pool.answers import MOST_BYTES
from walkaround.web.children import Child


class MaskRuns:
    """Opens masks in a process of its own, one after the other."""

    def __init__(self, data: Path, buckets: Buckets) -> None:
        self._cache = data / "cache" / "pictures"
        self._buckets = buckets
        self._child = Child("walkaround.web.mask_run_child")

    def read(self, ref: str, colours: Sequence[str]) -> Mapping[str, Runs]:
        """Which pixels of a mask have each colour.

        Args:
            ref: s3://bucket/key of a PNG.
            colours: "#rrggbb" in lower case.

        Raises:
            BucketError: it is not there.
            ValidationError: it is no mask that can be used.
            UnavailableError: masks cannot be opened at the moment.
        """
        file = self._buckets.local(*split_address(ref), folder=self._cache, at_most=MOST_BYTES)
        told = self._child.ask([str(file), list(colours)])
        if told is None or "runs" not in told:
            reason = "takes more time or memory to open than a mask may" if told is None else told["reason"]
            raise ValidationError(f"The mask {ref!r} {reason}: put a whole one there.")
        size = {"height": int(told["height"]), "width": int(told["width"])}
        return {colour: unpacked(text, **size) for colour, text in told["runs"].items()}

    def close(self) -> None:
        """End the process."""
        self._child.close()
