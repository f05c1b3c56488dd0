"""Every setting of the service in one table; flags come before the environment, a TOML file and the defaults."""

from __future__ import annotations

import difflib
import logging
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from walkaround.errors import InputError

PREFIX = "WALKAROUND_"
BUCKET_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{2,62}")
"""Names of buckets: those of S3 and the older, looser ones; none that begins with a dot, which a path could mean otherwise."""
_CONFIG = PREFIX + "CONFIG"
_OF_OTHERS = frozenset({_CONFIG, PREFIX + "TOKEN", PREFIX + "PHOTOS"})
"""The file of settings, a caller's bearer token, and the pictures of the benchmarks: no settings."""
_NO_FLAG = frozenset({"s3_secret_key", "webhook_secret", "events_secret"})
"""Other users of a machine can read the arguments of a program."""
_FILE_ONLY = frozenset({"watches"})
"""Tables, which neither a flag nor a variable can hold."""
_TEXTS: Mapping[str, str] = {
    "account": "12 digits",
    "buckets": "NAME=PLACE, where PLACE is a folder, s3://BUCKET, gs://BUCKET or az://CONTAINER",
    "data": "a folder",
    "database": "a URL that begins with sqlite:/// or postgresql://",
    "host": "a host name or an address",
    "region": "lower-case letters, digits and hyphens, such as us-east-1",
    "watches": "tables [[watches]], see docs/pipeline.md",
    "s3_endpoint": "a URL such as https://storage.example.com, without a path, a user or a query",
    "events_secret": "text of 8 characters or more",
    "sqs_endpoint": "a URL such as https://sqs.example.com, without a path, a user or a query",
    "dynamodb_tables": "names, separated by commas",
    "sqs_queues": "names, separated by commas",
    "webhook_hosts": "host names, separated by commas, with :PORT where it is not 443",
    "webhook_secret": "text of 8 characters or more",
}

_logger = logging.getLogger(__name__)


def default_file() -> Path:
    """The TOML file that is read where none is named."""
    return Path(platformdirs.user_config_dir("walkaround", appauthor=False)) / "walkaround.toml"


def _default_data() -> Path:
    return Path(platformdirs.user_data_dir("walkaround", appauthor=False))


def _folder(path: Path) -> Path:
    return path.expanduser().absolute()


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in ("http", "https") or not parts.hostname or extra or not url.isprintable() or " " in url:
        raise ValueError
    return url.rstrip("/")


def _places(places: dict[str, str]) -> dict[str, str]:
    for name, place in places.items():
        scheme, separator, rest = place.partition("://")
        if not BUCKET_NAME.fullmatch(name) or not place:
            raise ValueError
        if separator and (scheme not in ("s3", "gs", "az") or not rest.strip("/")):
            raise ValueError
    return places


_Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """What an operator can choose. Making one reads neither the environment nor a file; `load_settings` does."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Annotated[Path, AfterValidator(_folder)] = Field(
        default_factory=_default_data, description="Folder for the database, models and files of the service."
    )
    host: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:_-]+$")] = Field(
        default="127.0.0.1", description="Address to listen on; 0.0.0.0 is every address of the machine."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8080, description="Port to listen on; 0 takes a free one.")
    database: Annotated[str, Field(pattern=r"^(sqlite:///|postgresql(\+psycopg)?://)\S+$")] | None = Field(
        default=None, description="URL of the database; without one, SQLite in the data folder."
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,30}$")] = Field(
        default="us-east-1", description="Region in ARNs and signatures, for callers that name no other."
    )
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] = Field(
        default="000000000000", description="Account in ARNs, and of callers without a key."
    )
    buckets: Annotated[dict[str, str], AfterValidator(_places)] = Field(
        default={}, description="Where buckets are: folders, s3://BUCKET[/PREFIX], gs://BUCKET or az://CONTAINER."
    )
    s3_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None,
        description="URL of an S3-compatible server for the buckets that are not mapped; else AWS_ENDPOINT_URL_S3.",
    )
    s3_region: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,30}$")] | None = Field(
        default=None, description="Region of the S3 buckets; else AWS_REGION."
    )
    s3_access_key: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Access key for S3; else AWS_ACCESS_KEY_ID."
    )
    s3_secret_key: SecretStr | None = Field(default=None, description="Secret key for S3; else AWS_SECRET_ACCESS_KEY.")
    keyless: bool = Field(default=False, description="Answer callers without a key; only when listening on a loopback address.")
    webhook_secret: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        default=None, description="Secret that webhooks are signed with; the receiver has it too."
    )
    webhook_hosts: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:_\[\], -]+$")] | None = Field(
        default=None, description="Hosts that watches made over REST may send results to; without one, none."
    )
    sqs_queues: Annotated[str, Field(pattern=r"^[0-9A-Za-z_., -]+$")] | None = Field(
        default=None, description="Queues of SQS that watches made over REST may read; without one, none."
    )
    dynamodb_tables: Annotated[str, Field(pattern=r"^[0-9A-Za-z_., -]+$")] | None = Field(
        default=None, description="DynamoDB tables that watches made over REST may write to; without one, none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="How much is logged.")
    threads_per_unit: _Count | None = Field(
        default=None, description="Threads of one inference unit; without a number, all cores."
    )
    queue_per_unit: _Count = Field(default=64, description="Pictures that may wait for one inference unit; more get 429.")
    trainings_at_once: _Count = Field(default=2, description="Models that train at once; more are refused.")
    training_minutes: Annotated[float, Field(gt=0, le=10_080)] | None = Field(
        default=None, description="Minutes that a training may take, or soon after; without a number, what it needs."
    )
    training_quality: Literal["fast", "best"] = Field(
        default="fast",
        description="Best also fine-tunes the network of a classifier, and takes what does better; needs PyTorch.",
    )
    projects_per_account: _Count = Field(default=100, description="Projects of one account, in all regions.")
    models_per_project: _Count = Field(default=100, description="Model versions of one project.")
    running_models: _Count = Field(default=10, description="Models of one account that are hosted at once, in all regions.")
    endpoints_per_account: _Count = Field(default=100, description="Endpoints of one account, in all regions.")
    units_per_model: _Count = Field(default=5, description="Inference units of one hosted model.")
    keys_per_maker: _Count = Field(default=50, description="Access keys in force that one user, or one key, has made.")
    images_train: _Count = Field(default=16_000, description="Pictures of a training dataset.")
    images_test: _Count = Field(default=4_000, description="Pictures of a test dataset.")
    objects_walked: _Count = Field(
        default=100_000,
        description="Objects that an import or a trial looks through for pictures; more are refused.",
    )
    rate_per_operation: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None, description="Requests a second for each operation and account; without a number, no limit."
    )
    session_idle_minutes: Annotated[float, Field(gt=0, le=43_200)] = Field(
        default=480, description="Minutes after which a session that is not used ends."
    )
    session_hours: Annotated[float, Field(gt=0, le=8_760)] = Field(
        default=168, description="Hours after which any session ends, so that its user signs in again."
    )
    request_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60, description="Seconds that a request may take to arrive."
    )
    max_body: _Count = Field(default=64_000_000, description="Bytes that the body of a request may have, uploads aside.")
    max_upload: _Count = Field(default=2_000_000_000, description="Bytes of an upload of many pictures.")
    events_secret: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        default=None, description="Secret that senders of events sign with who have no access key; they act for `account`."
    )
    events_backlog: _Count = Field(
        default=100_000, description="Arrivals that may wait to be looked at; then sources pause, and events get 429."
    )
    picture_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60,
        description="Seconds that watches and `walkaround bulk` wait for a picture, and that they, trials and drafts work on"
        " it; then it is given up.",
    )
    video_seconds: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=1800,
        description="Seconds that watches and `walkaround bulk` wait for a video, and that they and trials work on it;"
        " then it is given up.",
    )
    sqs_endpoint: Annotated[str, AfterValidator(_endpoint)] | None = Field(
        default=None, description="URL of an SQS-compatible server; else AWS_ENDPOINT_URL_SQS, else Amazon's own."
    )
    keep_results_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="Days after which results are deleted, unless their watch says keep_days; without a number, never.",
    )
    watches: list[dict[str, Any]] = Field(default=[], description="What is watched: a table each, see docs/pipeline.md.")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long something may take, in seconds, and the setting that says so."""

    seconds: float
    setting: str


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One row of the table of settings, as it is documented; empty where there is no such way to set it."""

    name: str
    flag: str
    environment: str
    default: str
    allowed: str
    meaning: str


def setting_rows() -> list[SettingRow]:
    """The table of settings, in order."""
    return [
        SettingRow(
            name=name,
            flag="" if name in _NO_FLAG | _FILE_ONLY else flag_of(name),
            environment="" if name in _FILE_ONLY else PREFIX + name.upper(),
            default=_worded_default(name, field),
            allowed=_allowed(name),
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def flag_of(name: str) -> str:
    """The flag of the command line for a setting."""
    return "--bucket" if name == "buckets" else "--" + name.replace("_", "-")


def load_settings(
    flags: Mapping[str, Any], *, file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Settings:
    """Put the settings together: flags before environment before TOML file before defaults; buckets add up by name.

    Args:
        flags: setting name to value; None is a flag that was not given.
        file: the TOML file; without one, `WALKAROUND_CONFIG`, else the user's own if there is one.
        environment: variables of the process.

    Raises:
        InputError: a value is not allowed, a name in the file is unknown, or the file cannot be read.
    """
    named = file or (Path(environment[_CONFIG]) if environment.get(_CONFIG) else None)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, value, origin in [*_of_file(named), *_of_environment(environment), *_of_flags(flags)]:
        both = name == "buckets" and isinstance(value, dict) and isinstance(values.get(name), dict)
        values[name] = {**values[name], **value} if both else value
        origins[name] = origin
    try:
        return Settings(**values)
    except ValidationError as error:
        raise InputError(_sentence(error.errors()[0], values, origins)) from None  # the cause would show secrets


def _of_flags(flags: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    for name in flags:
        if name not in Settings.model_fields:
            raise InputError(f"There is no setting {name!r}; {_nearest(name)}.")
    return [(name, value, flag_of(name)) for name, value in flags.items() if value is not None and value != {}]


def _of_environment(environment: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    found: list[tuple[str, Any, str]] = []
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in _OF_OTHERS or not text:
            continue
        if name == "port" and text.startswith("tcp://"):  # Kubernetes sets this for a service that is called walkaround
            continue
        if name not in Settings.model_fields or name in _FILE_ONLY:  # not refused: other programs may use the prefix
            _logger.warning("The environment variable %s is no setting; %s.", variable, _nearest(name))
            continue
        found.append((name, _pairs(text) if name == "buckets" else text, variable))
    return found


def _pairs(text: str) -> dict[str, str] | str:
    """NAME=PLACE, separated by commas; the text itself where it is none, to be refused with its name."""
    parts = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    return {name: place for name, _, place in parts} if all(place for _, _, place in parts) else text


def _of_file(named: Path | None) -> list[tuple[str, Any, str]]:
    file = (named or default_file()).expanduser()
    try:
        with file.open("rb") as content:
            table = tomllib.load(content)
    except FileNotFoundError:
        if named is None:
            return []
        raise InputError(f"There is no settings file {str(file)!r}: check the path.") from None
    except OSError as error:
        raise InputError(f"Cannot read the settings file {str(file)!r} ({error.strerror}): check its permissions.") from error
    except ValueError as error:
        raise InputError(f"The settings file {str(file)!r} is not TOML ({error}): correct it.") from None
    for name in table:
        if name not in Settings.model_fields:
            raise InputError(f"There is no setting {name!r} (in {str(file)!r}); {_nearest(name)}.")
    return [(name, _from(file.parent, name, value), f"in {str(file)!r}") for name, value in table.items()]


def _from(folder: Path, name: str, value: Any) -> Any:
    """Paths in a file are relative to the file, so that it means the same wherever the program is started."""
    if name == "data" and isinstance(value, str):
        return str(folder / Path(value).expanduser())
    if name == "watches" and isinstance(value, list):
        return [_from_folder(folder, watch) if isinstance(watch, dict) else watch for watch in value]
    if name == "buckets" and isinstance(value, dict):
        return {
            bucket: str(folder / Path(place).expanduser()) if isinstance(place, str) and place and "://" not in place else place
            for bucket, place in value.items()
        }
    return value


def _from_folder(folder: Path, watch: dict[str, Any]) -> dict[str, Any]:
    source = watch.get("source")
    if not isinstance(source, str) or "://" in source or source in ("", "events"):
        return watch
    return {**watch, "source": str((folder / Path(source).expanduser()).absolute())}


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name.lower().replace("-", "_"), Settings.model_fields, n=1)
    return f"perhaps {near[0]!r} is meant" if near else "docs/settings.md lists those that there are"


def _sentence(error: ErrorDetails, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    name = str(error["loc"][0])
    origin = origins[name] if origins[name].startswith("in ") else f"from {origins[name]}"
    value = "what was given" if name in _NO_FLAG else _shown(values[name])
    fault = _fault_of_buckets(values[name]) if name == "buckets" else ""
    return f"The setting {name} cannot be {value} ({origin}): it must be {_allowed(name)}{fault}."


def _fault_of_buckets(places: object) -> str:
    """Which bucket is wrong, and how, as the end of a sentence."""
    for name, place in places.items() if isinstance(places, dict) else ():
        if not (isinstance(name, str) and BUCKET_NAME.fullmatch(name)):
            return f"; {_shown(name)} is no name of a bucket, which is 3 to 63 letters, digits, dots, hyphens and underscores"
        try:
            _places({name: place})
        except (ValueError, AttributeError):
            return f"; {_shown(place)} cannot be the place of {name!r}"
    return ""


def _shown(value: object) -> str:
    text = re.sub(r"//[^/@]*@", "//…@", repr(value))  # a password in a URL is not for the logs
    return text if len(text) <= 120 else text[:119] + "…"


def _allowed(name: str) -> str:
    """What a value must be, in words, from the same annotations that check it."""
    field = Settings.model_fields[name]
    if name in _TEXTS:
        return _TEXTS[name]
    if get_args(field.annotation) and all(isinstance(choice, str) for choice in get_args(field.annotation)):
        return "one of " + ", ".join(get_args(field.annotation))
    if field.annotation is bool:
        return "true or false"
    return _range(field) or "text that is not empty"


def _range(field: FieldInfo) -> str:
    """Such as "a whole number from 1 to 65,535"; empty where the setting is no number."""
    inner = next((one for one in get_args(field.annotation) if one is not type(None)), field.annotation)
    metadata = [*field.metadata, *getattr(inner, "__metadata__", ())]
    kind = getattr(inner, "__origin__", inner)
    bounds: dict[str, Any] = {}
    for one in metadata:
        nested = one.metadata if isinstance(one, FieldInfo) else [one]
        bounds |= {key: getattr(part, key) for part in nested for key in ("ge", "gt", "le") if hasattr(part, key)}
    if kind not in (int, float):
        return ""
    noun = "a whole number" if kind is int else "a number"
    if "le" not in bounds:
        return f"{noun} of {bounds['ge']:,} or more"
    return f"{noun} {'from' if 'ge' in bounds else 'above'} {bounds.get('ge', bounds.get('gt')):,} to {bounds['le']:,.0f}"


def _worded_default(name: str, field: FieldInfo) -> str:
    if name == "data":
        return "the user's data folder"  # differs between systems and users, and the page must not
    if field.default is None or field.default in ({}, []):
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
