"""Pictures that lie below a prefix of a bucket, for what takes all of them: an import, a trial."""

from __future__ import annotations

from itertools import islice

from walkaround.buckets.walked import TooManyObjectsError
from walkaround.errors import ValidationError
from walkaround.hosting.operations.own_buckets import require_own_bucket
from walkaround.web.rest.access import Visit

_SUFFIXES = (".jpg", ".jpeg", ".png")


def pictures_below(visit: Visit, bucket: str, prefix: str, *, at_most: int) -> list[str]:
    """The keys of the JPEG and PNG pictures, by their names: `at_most` and one more at most, and at least one.

    Raises:
        AccessDeniedError: the bucket is that of another account.
        BucketError: the bucket cannot be listed.
        ValidationError: there is none, or they lie among more objects than a request may look through.
    """
    require_own_bucket(visit.owner, bucket)
    found = visit.service.buckets.list(bucket, prefix, at_most=visit.service.settings.objects_walked)
    try:
        keys = list(islice((one.key for one in found if one.key.lower().endswith(_SUFFIXES)), at_most + 1))
    except TooManyObjectsError as problem:
        raise ValidationError(f"{str(problem).removesuffix('.')}, or have the setting objects_walked raised.") from problem
    if not keys:
        raise ValidationError(f"There is no JPEG or PNG picture below s3://{bucket}/{prefix}: correct the prefix.")
    return keys
