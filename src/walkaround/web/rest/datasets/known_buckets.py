"""Buckets over REST: the names of those that can be imported from or watched, so that nobody has to know them by heart."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from walkaround.hosting.operations.own_buckets import holds_uploads
from walkaround.web.rest.access import Reader

router = APIRouter(prefix="/buckets", tags=["datasets"])


class KnownBuckets(BaseModel):
    """Buckets."""

    buckets: list[str] = Field(description="Names of the buckets that this server knows a place of, by name.")
    others: bool = Field(description="Whether any other bucket is looked for on S3.")


@router.get("")
def list_buckets(visit: Reader) -> KnownBuckets:
    """List the buckets that whoever runs the server has mapped; those that hold uploads are left out."""
    buckets = visit.service.buckets
    return KnownBuckets(buckets=[name for name in buckets.names() if not holds_uploads(name)], others=buckets.others)
