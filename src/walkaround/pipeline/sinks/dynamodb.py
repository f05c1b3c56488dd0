"""Results as items of a DynamoDB table, as the sample for Lookout for Vision wrote them: one for each picture or frame."""

from __future__ import annotations

import importlib
import json
import os
import random
import time
from collections.abc import Mapping, Sequence
from email.utils import format_datetime
from pathlib import PurePosixPath
from typing import Any

from walkaround.errors import MissingExtraError, UnavailableError, WalkaroundError
from walkaround.pipeline.sinks.delivered import Delivered, RefusedError
from walkaround.pipeline.spec import DynamoSink
from walkaround.settings import Settings

Item = dict[str, dict[str, str]]

_AT_ONCE = 25
"""Items of one BatchWriteItem; the service takes no more."""
_PLACES: Mapping[str, str] = {"Boxes": "boxes", "Areas": "areas"}
"""Attributes that the sample did not have, as JSON; only of models that find boxes and masks."""
_TRIES = 6
_RETRY_AFTER = 1
_INVALID = "ValidationException"
"""The code that speaks of an item or of the table's key; every other speaks of the table, the rights, or the service."""


class DynamoSender:
    """Puts items; the same item again replaces itself."""

    def __init__(self, sink: DynamoSink, *, settings: Settings) -> None:
        """Make a client; the service is not asked for anything yet.

        Raises:
            MissingExtraError: boto3 is not installed.
        """
        self._table = sink.table
        try:
            boto3, self._core = importlib.import_module("boto3"), importlib.import_module("botocore.exceptions")
            config = importlib.import_module("botocore.config").Config
        except ModuleNotFoundError as problem:
            raise MissingExtraError("DynamoDB needs boto3, which is not installed: pip install 'walkaround[aws]'.") from problem
        session = boto3.session.Session()
        region = os.environ.get("AWS_REGION") or session.region_name or settings.s3_region or settings.region
        self._where = f"region {region}"
        patience = config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
        self._client = session.client("dynamodb", region_name=region, config=patience)

    def send(self, given: Sequence[Delivered]) -> list[WalkaroundError | None]:
        """Put the items of all; where the service refuses some of a group, each result by itself, to see whose they are."""
        errors: list[WalkaroundError | None] = [None] * len(given)
        try:
            refused = self._put_all([item for one in given for item in items_of(one)])
            for index, one in enumerate(given if refused else ()):
                errors[index] = self._put_each(one)
        except UnavailableError as problem:
            return [problem] * len(given)
        return errors

    def _put_all(self, items: Sequence[Item]) -> bool:
        """Put items in groups; whether the service refused some."""
        unique = list({item["RequestID"]["S"]: item for item in items}.values())  # twice the same key is an error there
        refused = False
        for start in range(0, len(unique), _AT_ONCE):
            refused |= self._put_group(unique[start : start + _AT_ONCE])
        return refused

    def _put_group(self, items: Sequence[Item]) -> bool:
        requests: Mapping[str, Any] = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        for attempt in range(_TRIES):
            try:
                reply = self._client.batch_write_item(RequestItems=requests)
            except self._core.ClientError as problem:
                if _code(problem) == _INVALID:
                    return True
                raise self._unavailable(problem) from problem
            except self._core.BotoCoreError as problem:
                raise self._unavailable(problem) from problem
            requests = reply.get("UnprocessedItems") or {}
            if not requests:
                return False
            time.sleep(random.uniform(0.5, 1) * 0.1 * 2**attempt)
        raise UnavailableError(
            f"The DynamoDB table {self._table!r} takes no more items at the moment: give it more write capacity, or wait.",
            retry_after=_RETRY_AFTER,
        )

    def _put_each(self, given: Delivered) -> WalkaroundError | None:
        for item in items_of(given):
            try:
                self._client.put_item(TableName=self._table, Item=item)
            except self._core.ClientError as problem:
                told = str(problem.response["Error"].get("Message", ""))
                if _code(problem) == _INVALID and " key " not in told:
                    return RefusedError(f"The DynamoDB table {self._table!r} refuses the item {item['Image']['S']!r}: {told}.")
                raise self._unavailable(problem) from problem
            except self._core.BotoCoreError as problem:
                raise self._unavailable(problem) from problem
        return None

    def _unavailable(self, problem: Exception) -> UnavailableError:
        """What to do about a table that takes nothing."""
        code = _code(problem)
        if code == "ResourceNotFoundException":
            told = (
                f"There is no DynamoDB table {self._table!r} in {self._where}: make it, aws dynamodb create-table --table-name"
                f" {self._table} --attribute-definitions AttributeName=RequestID,AttributeType=S"
                " --key-schema AttributeName=RequestID,KeyType=HASH --billing-mode PAY_PER_REQUEST."
            )
        elif code == _INVALID:
            told = (
                f"The DynamoDB table {self._table!r} must have RequestID, a string, as its only key ({problem}): make another."
            )
        elif code in ("AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException"):
            told = (
                f"DynamoDB does not permit writing to the table {self._table!r} in {self._where} ({code}):"
                " allow dynamodb:PutItem and dynamodb:BatchWriteItem to the keys in use."
            )
        else:
            told = f"The DynamoDB table {self._table!r} in {self._where} cannot be written to ({problem}): check it, or wait."
        return UnavailableError(told, retry_after=_RETRY_AFTER)


def items_of(given: Delivered) -> list[Item]:
    """The items of a result: one of a picture; one for each frame of a video, named as MediaConvert names its captures."""
    name = PurePosixPath(given.key).name
    if not given.frames:
        return [_item(given, given.findings, part="item", image=name)]
    stem = PurePosixPath(name).stem
    return [
        _item(given, line, part=f"frame/{number}", image=f"{stem}jpg.{number:07d}.jpg")
        for number, line in enumerate(given.frames)
    ]


def _item(given: Delivered, line: Mapping[str, Any], *, part: str, image: str) -> Item:
    values = {
        "RequestID": given.part_id(part),
        "Date": format_datetime(given.created, usegmt=True),
        "DetectAnomalyResult": str(bool(line["anomalous"])),
        "Confidence": str(float(line["confidence"])),
        "Image": image.encode("utf-8", "replace").decode("utf-8"),
        **{name: _text(line[member]) for name, member in _PLACES.items() if line.get(member) is not None},
    }
    return {attribute: {"S": value} for attribute, value in values.items()}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


def _code(problem: Exception) -> str:
    response = getattr(problem, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
