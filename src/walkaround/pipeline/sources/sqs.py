"""A queue of Amazon SQS, or of what speaks like it, that S3 or EventBridge tells of new objects, directly or by a topic of SNS.

A message is deleted after the transaction that wrote down what it says: whatever happens in between, it comes again. One whose
object has to wait, because its model does not exist yet, stays in the queue.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from walkaround.errors import BucketError, MissingExtraError, UnavailableError
from walkaround.pipeline.arrivals import ObjectCreated
from walkaround.pipeline.events import EventError, read_event
from walkaround.settings import Settings

_MESSAGES = 10  # of one request, the most that SQS allows
_RECEIVES = 10
_WAIT_SECONDS = 3
_READ_SECONDS = 4  # so that a server that has gone silent does not hold up the end
_RETRY_AFTER = 5
_QUEUE_HOST = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?")
_DENIED = re.compile(r"AccessDenied|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|ExpiredToken")
_NO_QUEUE = re.compile(r"NonExistentQueue|QueueDoesNotExist")

Refused = tuple[bytes, str]
"""An event that cannot be understood, and why."""
_logger = logging.getLogger(__name__)


class Queue:
    """A queue that messages are taken from. Not thread-safe: it belongs to one thread.

    Attributes:
        region: where it is asked for.
    """

    def __init__(self, source: str, settings: Settings, *, environment: Mapping[str, str] = os.environ) -> None:
        """Nothing is asked for yet.

        Args:
            source: sqs://NAME, or a queue's URL, whose host has to be Amazon's or the one that the operator configured.
            settings: with the endpoint and the region, which the variables of AWS may say as well.
            environment: variables of the process.

        Raises:
            BucketError: the URL is of a host that nobody configured.
        """
        self._endpoint = (
            settings.sqs_endpoint or environment.get("AWS_ENDPOINT_URL_SQS") or environment.get("AWS_ENDPOINT_URL") or None
        )
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or settings.s3_region
        self.region = region or settings.region
        self._name = source.rstrip("/").rpartition("/")[2]
        self._url: str | None = None
        if not source.startswith("sqs://"):
            self._url = source
            self._check_host(source)
        self._client: Any = None

    def look(self, announce: Callable[[Sequence[ObjectCreated], Sequence[Refused]], Collection[ObjectCreated]]) -> int:
        """Wait some seconds for messages, write down what they say, and delete them.

        Args:
            announce: writes objects down, and keeps events that cannot be understood, in one transaction; gives those objects
                whose messages have to stay in the queue.

        Returns:
            How many messages were done with.

        Raises:
            BucketError: there is no such queue, or it is not permitted.
            UnavailableError: it does not answer.
            MissingExtraError: boto3 is not installed.
        """
        with self._refusals():
            messages = list(self._received())
        if not messages:
            return 0
        objects: list[ObjectCreated] = []
        refused: list[Refused] = []
        named: list[tuple[ObjectCreated, ...]] = []  # by each message
        for message in messages:
            body = str(message.get("Body", "")).encode("utf-8", "replace")
            try:
                event = read_event(body)
            except EventError as problem:
                refused.append((body, str(problem)))
                named.append(())
                continue
            objects += event.objects
            named.append(event.objects)
            if event.confirm:
                _logger.info("SNS asks to confirm a subscription: %s", event.confirm)
        waiting = announce(objects, refused)
        done = [message for message, those in zip(messages, named, strict=True) if not set(those).intersection(waiting)]
        with self._refusals():
            self._delete(done)
        return len(done)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _received(self) -> Iterator[Mapping[str, Any]]:
        client, url = self._opened()
        for number in range(_RECEIVES):
            wait = _WAIT_SECONDS if number == 0 else 0
            reply = client.receive_message(QueueUrl=url, MaxNumberOfMessages=_MESSAGES, WaitTimeSeconds=wait)
            found = reply.get("Messages", [])
            yield from found
            if len(found) < _MESSAGES:
                return

    def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        client, url = self._opened()
        for start in range(0, len(messages), _MESSAGES):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + _MESSAGES])
            ]
            reply = client.delete_message_batch(QueueUrl=url, Entries=entries)
            if reply.get("Failed"):  # they come again, and are known then
                _logger.warning("%d messages of the queue %r could not be deleted.", len(reply["Failed"]), self._name)

    def _opened(self) -> tuple[Any, str]:
        if self._client is None:
            self._client = _client(self._endpoint, self.region)
        if self._url is None:
            self._url = self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        return self._client, self._url

    def _check_host(self, url: str) -> None:
        """Let no watch lead a signed request to a host that the operator did not configure; take the region from the host."""
        host = urlsplit(url).netloc
        amazon = _QUEUE_HOST.fullmatch(host)
        if self._endpoint is not None and host == urlsplit(self._endpoint).netloc:
            return
        if self._endpoint is None and amazon is not None and url.startswith("https://"):
            self.region = amazon[1] or amazon[2]
            return
        raise BucketError(
            f"The queue {url!r} is at a server that is not configured: set sqs_endpoint to it, or name a queue of Amazon's."
        )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Turn what boto3 says into sentences."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
        except ModuleNotFoundError as problem:
            raise MissingExtraError(
                "Queues of SQS need boto3, which is not installed: pip install 'walkaround[aws]'."
            ) from problem
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if _NO_QUEUE.search(code):
                raise BucketError(f"There is no queue {self._name!r}: make it, or correct the source of the watch.") from error
            if _DENIED.search(code):
                raise BucketError(
                    f"The queue {self._name!r} is not permitted ({code}): allow sqs:ReceiveMessage, sqs:DeleteMessage and "
                    "sqs:GetQueueUrl to the access key of the variables of AWS."
                ) from error
            raise UnavailableError(
                f"The queue {self._name!r} does not answer as it should ({code or 'no code'}): it is tried again.",
                retry_after=_RETRY_AFTER,
            ) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise BucketError(
                f"The queue {self._name!r} needs an access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
        except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            reason = str(error).partition("\n")[0].rstrip(".")
            raise UnavailableError(
                f"The queue {self._name!r} does not answer ({reason}): it is tried again.", retry_after=_RETRY_AFTER
            ) from error


def _client(endpoint: str | None, region: str) -> Any:
    import boto3
    from botocore.config import Config

    patience = Config(
        connect_timeout=2,
        read_timeout=_READ_SECONDS,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    # A session of its own: the one that boto3 shares must not be used from several threads.
    return boto3.session.Session().client("sqs", endpoint_url=endpoint, region_name=region, config=patience)
