"""A bucket on S3, on anything that speaks like S3, on GCS or on Azure, through obstore, with errors that say what to do."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from walkaround.buckets.cache import Download
from walkaround.buckets.folder import too_large
from walkaround.buckets.names import Fetched, ImpossibleKeyError, NotExclusiveError, ObjectInfo, address
from walkaround.buckets.walked import Walked
from walkaround.errors import BucketError, UnavailableError, WalkaroundError, writing
from walkaround.settings import Limit

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"})
_NO_KEY = frozenset({"KeyTooLongError", "InvalidURI", "InvalidObjectName", "XMinioInvalidObjectName", "InvalidUri"})
"""What servers say of a key that they will never take."""
_NOT_IMPLEMENTED = 501
_PROBE = ".walkaround-probe"
_CHUNK = 1 << 20
_LONGEST = 100_000.0
"""Seconds; more than any setting allows for an object."""
_NOWHERE = "http://127.0.0.1:1"
_ENDPOINTS = {
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "AZURITE_BLOB_STORAGE_URL"),
}
"""Variables by which an operator names a server other than Google's or Azure's own."""
_RETRY_AFTER = 10
"""Seconds. What is asked for again sooner would meet the same retries."""
_ROLE_SOUGHT = ("instance metadata", "169.254.", "/computeMetadata/")
"""What a message has when there were no keys, and the machine was asked for those of its role."""
_KEYS = {
    "s3": "an access key and a secret key for S3",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_OWN_KEYS = {"s3": "the access key", "gs": "the account of GOOGLE_APPLICATION_CREDENTIALS", "az": "AZURE_STORAGE_ACCOUNT_KEY"}


@dataclass(frozen=True, kw_only=True)
class S3Access:
    """Where S3 is, and as whom it is asked.

    Attributes:
        endpoint: URL of an S3-compatible server; None: Amazon's own.
        region: of the buckets; None: as the variables of AWS say.
        access_key: None: nobody in particular, or a role.
        secret_key: belongs to `access_key`.
        session_token: of temporary keys.
        role: the machine or container has a role that gives it keys.
    """

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    role: bool = False


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        connect: seconds for a connection.
        silence: seconds without a byte.
        request: seconds for one request with its whole content.
        retries: after connections that failed and errors of the server.
    """

    connect: float = 3
    silence: float = 20
    request: float = 600
    retries: int = 3


@dataclass(frozen=True, eq=False)
class Remote:
    """A bucket elsewhere. `bucket` is what it is called here, `identity` where it is, `scheme` s3, gs or az."""

    bucket: str
    make: Callable[[Patience], ObjectStore]
    patience: Patience
    identity: str
    scheme: str = "s3"

    @cached_property
    def store(self) -> ObjectStore:
        """How it is spoken to; made once."""
        return _made(lambda: self.make(self.patience), self.bucket)

    @cached_property
    def _unhurried(self) -> ObjectStore:
        """For whole objects whose time is measured here: the client knows one time for all requests alone."""
        return _made(lambda: self.make(replace(self.patience, request=_LONGEST)), self.bucket)

    def check(self) -> None:
        """Raise BucketError unless the bucket exists; what may be done in it shows when it is done."""
        try:
            obstore.get(self.store, _PROBE)
        except (BaseError, FileNotFoundError) as error:
            # Who may read objects, but not list them, is told "denied" of an object that does not exist.
            missing_only = isinstance(error, FileNotFoundError) and _code(error) not in _NO_BUCKET
            if not missing_only and _code(error) != "AccessDenied":
                raise _translated(error, self.bucket, "", scheme=self.scheme) from error

    def info(self, key: str) -> ObjectInfo:
        """What a listing would say of an object."""
        with self._refusals(key):
            return _info(obstore.head(self.store, key), key)

    def size(self, key: str) -> int:
        """Bytes of an object."""
        with self._refusals(key):
            return obstore.head(self.store, key)["size"]

    def read(self, key: str, *, version: str | None, at_most: int) -> bytes:
        """The content of an object of at most `at_most` bytes."""
        with self._refusals(key):
            result = self._get(key, version, at_most)
            return bytes(result.bytes())

    def start(self, key: str, length: int) -> bytes:
        """The first bytes of an object."""
        with self._refusals(key):
            try:
                return bytes(obstore.get(self.store, key, options={"range": (0, length)}).bytes())
            except BaseError as error:
                if _code(error) == "InvalidRange":  # it is empty
                    return b""
                raise

    def download(self, key: str, *, version: str | None, at_most: int, to: Download) -> tuple[Path, bool]:
        """A copy of the object, and whether it is new: one that is there is used again if the object is still the same."""
        with self._refusals(key):
            if version is None and to.any_there():
                meta = obstore.head(self.store, key)
                if meta["size"] <= at_most and (found := to.found(_etag(meta), meta["size"])):
                    return found, False
            result = self._get(key, version, at_most)
            return to.keep(_etag(result.meta), result.stream(min_chunk_size=_CHUNK)), True

    def fetch(
        self, key: str, *, version: str | None, at_most: int, in_memory: int, folder: Path, within: Callable[[int], Limit]
    ) -> Fetched:
        """The object by one request: its bytes where they are few, else a copy in `folder`."""
        with self._refusals(key):
            result = self._get(key, version, at_most, store=self._unhurried)
            info = _info(result.meta, key)
            chunks = self._in_time(result, key, within(info.size))
            if info.size <= in_memory:
                return Fetched(info=info, content=b"".join(chunks))
            copy = folder / secrets.token_hex(16)
            with writing(copy):
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    with copy.open("xb") as file:
                        file.writelines(chunks)
                except BaseException:  # an interruption too must leave nothing
                    copy.unlink(missing_ok=True)
                    raise
            return Fetched(info=info, content=copy, temporary=True)

    def write(self, key: str, content: bytes) -> None:
        """Put an object there, whole or not at all."""
        with self._refusals(key):
            obstore.put(self.store, key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Put an object there, whole, unless there is one; whether it was put."""
        with self._refusals(key):
            try:
                obstore.put(self.store, key, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            except GenericError as error:
                if _status(error) == _NOT_IMPLEMENTED:
                    raise NotExclusiveError(
                        f"The server of {address(self.bucket, key)} has no conditional writes, and cannot tell a new object"
                        " from one that replaces another."
                    ) from error
                raise
        return True

    def remove(self, key: str) -> None:
        """Take an object away; one that is not there is no fault."""
        with self._refusals(key), suppress(FileNotFoundError):
            obstore.delete(self.store, key)

    def list(self, prefix: str, *, at_most: int | None = None) -> Iterator[ObjectInfo]:
        """The objects whose keys begin with `prefix`, in the order of their keys where the server keeps one."""
        walked = Walked(self.bucket, prefix, at_most=at_most)
        above = prefix.rpartition("/")[0]  # obstore's prefixes end where a part of the path ends
        with self._refusals(""):
            for chunk in obstore.list(self.store, prefix=above or None):
                for meta in chunk:
                    walked.more()
                    if meta["path"].startswith(prefix):
                        yield _info(meta, meta["path"])

    def _get(self, key: str, version: str | None, at_most: int, *, store: ObjectStore | None = None) -> GetResult:
        result = obstore.get(store or self.store, key, options={} if version is None else {"version": version})
        if result.meta["size"] > at_most:
            raise too_large(self.bucket, key, at_most)
        return result

    def _in_time(self, result: GetResult, key: str, limit: Limit) -> Iterator[bytes]:
        """The content as it comes, for so long: a server that sends a byte now and then is never silent."""
        until = monotonic() + limit.seconds
        for chunk in result.stream(min_chunk_size=1):
            if monotonic() > until:
                raise UnavailableError(
                    f"{address(self.bucket, key)} had not come whole after {limit.seconds:g} s: look at its server, or allow"
                    f" more with the setting {limit.setting}.",
                    retry_after=_RETRY_AFTER,
                )
            yield bytes(chunk)

    @contextmanager
    def _refusals(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise _translated(error, self.bucket, key, scheme=self.scheme) from error


def s3_place(bucket: str, *, name: str, prefix: str, access: S3Access, patience: Patience) -> Remote:
    """The place of `name`, which is `bucket` at S3.

    The name of a bucket never becomes part of a host name (path style), and whatever the environment says of S3 is known to
    `access` already, so that nothing is asked for anywhere else.
    """
    config: dict[str, Any] = {"virtual_hosted_style_request": False}
    if access.region is not None:
        config["region"] = access.region
    if access.endpoint is not None:
        config |= {"endpoint": access.endpoint, "aws_endpoint_url_s3": access.endpoint}
        config["skip_signature"] = access.access_key is None and not access.role

    def make(patience: Patience) -> ObjectStore:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,  # type: ignore[arg-type]
            client_options=_client(patience, access.endpoint, role=access.role),
            retry_config=_retries(patience),
            credential_provider=_keys(access),  # type: ignore[arg-type]
        )

    return _opened(Remote(name, make, patience, f"{access.endpoint or 's3:/'}/{bucket}/{prefix}"))


def cloud_place(scheme: str, bucket: str, *, name: str, prefix: str, patience: Patience) -> Remote:
    """The place of `name`: a bucket at Google ("gs") or a container at Azure ("az"), with the keys of their own variables."""
    kind: Any = {"gs": GCSStore, "az": AzureStore}[scheme]
    plain = any(os.environ.get(variable, "").startswith("http://") for variable in _ENDPOINTS[scheme])

    def make(patience: Patience) -> ObjectStore:
        client: ClientConfig = {**_client(patience, None), "allow_http": plain}
        store: ObjectStore = kind(bucket, prefix=prefix or None, client_options=client, retry_config=_retries(patience))
        return store

    account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "") if scheme == "az" else ""
    return _opened(Remote(name, make, patience, f"{scheme}://{account}/{bucket}/{prefix}", scheme))


def _opened(remote: Remote) -> Remote:
    """The bucket itself, if its place and keys make sense."""
    _ = remote.store
    return remote


def _made(make: Callable[[], ObjectStore], name: str) -> ObjectStore:
    try:
        return make()
    except (BaseError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BucketError(f"The bucket {name!r} is not configured ({reason}): check its place and the keys for it.") from error


def _keys(access: S3Access) -> Callable[[], Mapping[str, object]] | None:
    if access.access_key is None:
        return None
    keys = {
        "access_key_id": access.access_key,
        "secret_access_key": access.secret_key or "",
        "token": access.session_token,
        "expires_at": None,
    }
    return lambda: keys


def _client(patience: Patience, endpoint: str | None, *, role: bool = False) -> ClientConfig:
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=patience.connect),
        "read_timeout": timedelta(seconds=patience.silence),
        "timeout": timedelta(seconds=patience.request),
        "allow_http": endpoint is not None and endpoint.startswith("http://"),
    }
    host = urlsplit(endpoint).hostname if endpoint else None
    if host and not role and not any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ):
        # The client follows redirects, and cannot be told not to. What leads to another host goes to a proxy that is none.
        options |= {"proxy_url": _NOWHERE, "proxy_excludes": host}
    return options


def _retries(patience: Patience) -> RetryConfig:
    pause = timedelta(milliseconds=100)
    return {
        "max_retries": patience.retries,
        "retry_timeout": timedelta(seconds=2 * (patience.retries + 1) * patience.connect),
        "backoff": {"init_backoff": pause, "max_backoff": 10 * pause, "base": 2},
    }


def _info(meta: ObjectMeta, key: str) -> ObjectInfo:
    return ObjectInfo(key=key, size=meta["size"], etag=_etag(meta), modified=meta["last_modified"])


def _etag(meta: ObjectMeta) -> str:
    etag = meta["e_tag"] or f"{meta['last_modified'].isoformat()}-{meta['size']}"
    return f'"{etag}"' if etag.startswith("0x") else etag  # Azure's listings leave out the quotes that its answers have


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""


def _status(error: Exception) -> int:
    """Of HTTP; 0 where there is none."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else 0


def _translated(error: Exception, bucket: str, key: str, *, scheme: str) -> WalkaroundError:
    """The sentence for what obstore says, which it says as text for developers."""
    text, code, status = str(error), _code(error), _status(error)
    where = address(bucket, key)
    if any(sign in text for sign in _ROLE_SOUGHT):
        return BucketError(f"{where} cannot be asked for without keys: set {_KEYS[scheme]}.")
    if code in _NO_BUCKET or (status == 404 and not key):
        return BucketError(f"There is no bucket {bucket!r} at its server: make it, or correct the name.")
    if isinstance(error, FileNotFoundError):
        return BucketError(f"There is no object {where}: put it there or correct the key.")
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or status in (401, 403):
        return BucketError(
            f"{where} is not permitted ({code or status or 'no keys'}): check {_OWN_KEYS[scheme]} and what it may do."
        )
    if key and (code in _NO_KEY or status == 414):
        return ImpossibleKeyError(f"{where} is refused by its server for its key ({code or status}): shorten or change it.")
    if "redirect" in text:
        return BucketError(f"{where} is in another region: correct the region of S3.")
    if isinstance(error, GenericError) and (not status or status == 429 or status >= 500):
        return UnavailableError(
            f"{where} does not answer at the moment ({f'status {status}' if status else 'no connection'}): try again later.",
            retry_after=_RETRY_AFTER,
        )
    return BucketError(
        f"{where} was refused by its server ({code or status or type(error).__name__}): check the name and the key."
    )
