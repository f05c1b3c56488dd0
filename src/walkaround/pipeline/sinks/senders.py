"""From what a watch says of its sinks to sinks that can be given results."""

from __future__ import annotations

import importlib.util

from walkaround.buckets.buckets import Buckets
from walkaround.errors import InputError, MissingExtraError
from walkaround.pipeline.sinks.bucket import BucketSender
from walkaround.pipeline.sinks.delivered import Sender
from walkaround.pipeline.sinks.drawn import Drawings
from walkaround.pipeline.sinks.dynamodb import DynamoSender
from walkaround.pipeline.sinks.webhook import WebhookSender
from walkaround.pipeline.spec import BucketSink, DynamoSink, Sink, WatchSpec, WebhookSink
from walkaround.settings import Settings


def sender_of(sink: Sink, *, buckets: Buckets, settings: Settings, drawings: Drawings) -> Sender:
    """The sink, ready to be given results; `drawings` draws for it.

    Raises:
        InputError: a setting is missing that it needs.
        MissingExtraError: a library is missing that it needs.
    """
    match sink:
        case BucketSink():
            return BucketSender(sink, buckets=buckets, drawings=drawings)
        case DynamoSink():
            return DynamoSender(sink, settings=settings)
        case WebhookSink():
            return WebhookSender(sink, settings=settings)


def check_sinks(spec: WatchSpec, settings: Settings) -> None:
    """Return if the sinks of a watch can be used, as far as that can be told without asking them; to be called when it is made.

    Raises:
        InputError: there is no secret to sign a webhook with.
        MissingExtraError: boto3 is not installed.
    """
    for sink in spec.sinks:
        if isinstance(sink, WebhookSink) and settings.webhook_secret is None:
            raise InputError(f"The webhook of the watch {spec.name!r} has no secret to sign with: set webhook_secret.")
        if isinstance(sink, DynamoSink) and importlib.util.find_spec("boto3") is None:
            raise MissingExtraError("DynamoDB needs boto3, which is not installed: pip install 'walkaround[aws]'.")
