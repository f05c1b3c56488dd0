"""Makes the clients of AWS that are on this machine talk to walkaround: a service model for new ones, variables for all."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from walkaround.aws.service_model import API_VERSION, MODEL_FOLDER, SERVICE
from walkaround.errors import InputError, writing

FILES = ("service-2.json", "paginators-1.json")
"""boto3 and the AWS CLI need the first for a client, the second for its paginators."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What `install_model` did.

    Attributes:
        folder: where the files are.
        written: names of those that were missing or different, and are new now.
    """

    folder: Path
    written: tuple[str, ...]

    def __str__(self) -> str:
        if not self.written:
            return f"The service model of Lookout for Vision was in {self.folder} already."
        return (
            f"Wrote {' and '.join(self.written)} to {self.folder}. "
            'boto3.client("lookoutvision") and `aws lookoutvision` work again with the current boto3 and AWS CLI.'
        )


def install_model(folder: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> Installed:
    """Put the service model where boto3 and the AWS CLI look for models. Doing it again changes nothing.

    Args:
        folder: the folder of models; without one, the first of `AWS_DATA_PATH`, else `~/.aws/models`, where they always look.
        environment: variables of the process.

    Raises:
        StorageError: the files cannot be written.
    """
    target = (folder or _models_folder(environment)).expanduser().absolute() / SERVICE / API_VERSION
    written = tuple(name for name in FILES if _copied(MODEL_FOLDER / name, target / name))
    return Installed(folder=target, written=written)


def _models_folder(environment: Mapping[str, str]) -> Path:
    named = [part for part in environment.get("AWS_DATA_PATH", "").split(os.pathsep) if part]
    return Path(named[0]) if named else Path("~/.aws/models")


def _copied(source: Path, target: Path) -> bool:
    """Whether `target` was not what `source` is; then it is now, in one step."""
    content = source.read_bytes()
    with writing(target):
        if target.is_file() and target.read_bytes() == content:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    return True


def client_environment(
    endpoint: str, *, region: str, key_id: str | None = None, secret: str | None = None, s3_endpoint: str | None = None
) -> dict[str, str]:
    """The variables that lead clients of AWS to this service, and to nothing else of AWS.

    Args:
        endpoint: of walkaround, such as http://127.0.0.1:8080.
        region: that clients sign for, which is also where their projects are.
        key_id: of an access key; a server that asks for none takes any, so without one there are placeholders.
        secret: of that key.
        s3_endpoint: of the S3 server that holds the pictures; without it, clients use AWS's own.

    Raises:
        InputError: an endpoint is no URL of a server, the region is no region, or a key is given by half.
    """
    if (key_id is None) != (secret is None):
        raise InputError("An access key is an id and a secret: give both, or neither for a server without keys.")
    if not re.fullmatch(r"[a-z0-9-]{1,32}", region):
        raise InputError(f"{region!r} is no region: give one such as us-east-1.")
    variables = {
        "AWS_ENDPOINT_URL_LOOKOUTVISION": _endpoint(endpoint),
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": _endpoint(endpoint),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": key_id or "keyless",
        "AWS_SECRET_ACCESS_KEY": secret or "keyless",
    }
    return variables if s3_endpoint is None else {**variables, "AWS_ENDPOINT_URL_S3": _endpoint(s3_endpoint)}


def shell_lines(variables: Mapping[str, str]) -> str:
    """Lines that a POSIX shell can evaluate. A session token of another account would be refused, so they clear it."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()) + "unset AWS_SESSION_TOKEN\n"


def _endpoint(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username or not url.isprintable() or " " in url:
        raise InputError(f"{url!r} is no address of a server: give one such as http://127.0.0.1:8080.")
    return url.rstrip("/")
