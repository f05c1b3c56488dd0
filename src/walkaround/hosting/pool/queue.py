"""The bounded line of pictures that wait for a worker."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class WaitingLine(Generic[Item]):
    """First in, first out, with a limit; whoever gives up leaves at once and takes no room."""

    def __init__(self, limit: Callable[[], int]) -> None:
        """Make an empty line; `limit` tells how many may wait at the moment."""
        self._limit = limit
        self._items: OrderedDict[int, Item] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def join(self, item: Item) -> bool:
        """Stand at the end; False where the line is full."""
        if len(self._items) >= self._limit():
            return False
        self._items[id(item)] = item
        return True

    def return_to_front(self, items: Iterable[Item]) -> None:
        """Put back what was taken, in its order and whatever the limit: it was accepted before."""
        for item in reversed(list(items)):
            self._items[id(item)] = item
            self._items.move_to_end(id(item), last=False)

    def leave(self, item: Item) -> None:
        """Take out an item, if it is still there."""
        self._items.pop(id(item), None)

    def take(self, most: int) -> list[Item]:
        """The first items, at most `most`."""
        return [self._items.popitem(last=False)[1] for _ in range(min(most, len(self._items)))]


def seconds_to_wait(waiting: int, *, units: int, seconds_each: float) -> int:
    """When to come again: until then, a line of `waiting` will have been served, in whole seconds from 1 to 60.

    Args:
        waiting: pictures in the line.
        units: inference units that serve it.
        seconds_each: what one unit takes for a picture, all its threads busy.
    """
    return max(1, min(60, math.ceil(waiting * seconds_each / max(1, units))))
