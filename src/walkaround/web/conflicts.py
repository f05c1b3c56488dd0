"""Conflicts that tell what is there now, so that whoever is refused can go on from it."""

from __future__ import annotations

from typing import Any

from walkaround.errors import ConflictError, ResourceType


class ChangedMeanwhileError(ConflictError):
    """Somebody else changed it after it was looked at."""

    def __init__(self, message: str, *, resource_id: str, resource_type: ResourceType, current: dict[str, Any]) -> None:
        """Say so, and keep what is there now.

        Args:
            message: a sentence.
            resource_id: of what it is about.
            resource_type: of what it is about.
            current: plain values, as the API tells it.
        """
        super().__init__(message, resource_id=resource_id, resource_type=resource_type)
        self.current = current
