"""Settings: where they come from, which comes first, and the sentence for one that cannot be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from walkaround.errors import InputError
from walkaround.settings import Settings, flag_of, load_settings, setting_rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A TOML file that sets a port and a bucket."""
    path = tmp_path / "w.toml"
    path.write_text('port = 1001\nregion = "eu-west-1"\n[buckets]\nphotos = "photos"\narchive = "s3://archive/2024"\n')
    return path


def load(
    flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """The settings, without those of whoever runs the tests."""
    nobody = {"WALKAROUND_CONFIG": "/dev/null"}
    return load_settings(flags or {}, file=file, environment={**nobody, **(environment or {})})


def test_without_anything_there_are_defaults() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.database, settings.keyless) == ("127.0.0.1", 8080, None, False)
    assert settings.data.is_absolute()


def test_flags_come_before_the_environment_before_the_file_before_defaults(file: Path) -> None:
    assert load(file=file).port == 1001
    assert load(environment={"WALKAROUND_PORT": "1002"}, file=file).port == 1002
    assert load({"port": 1003}, {"WALKAROUND_PORT": "1002"}, file).port == 1003
    assert load({"port": None}, {"WALKAROUND_PORT": ""}, file).port == 1001, "what was not given does not count"
    assert load({"port": 1003}, file=file).region == "eu-west-1"


def test_the_environment_can_name_the_file(file: Path) -> None:
    assert load(environment={"WALKAROUND_CONFIG": str(file)}).port == 1001


def test_buckets_add_up_and_paths_in_the_file_are_relative_to_it(file: Path) -> None:
    settings = load({"buckets": {"own": "here"}}, {"WALKAROUND_BUCKETS": "cars=/cars, archive=gs://a"}, file)
    photos = str(file.parent / "photos")
    assert settings.buckets == {"photos": photos, "archive": "gs://a", "cars": "/cars", "own": "here"}


def test_a_port_that_kubernetes_sets_is_none(caplog: pytest.LogCaptureFixture) -> None:
    assert load(environment={"WALKAROUND_PORT": "tcp://10.0.0.1:80"}).port == 8080


def test_an_unknown_variable_is_told_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    assert load(environment={"WALKAROUND_PROT": "1"}).port == 8080
    assert "WALKAROUND_PROT is no setting; perhaps 'port' is meant" in caplog.text


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"port": "99999"}, "The setting port cannot be '99999' (from --port): it must be a whole number from 0 to 65,535."),
        ({"port": "x"}, "The setting port cannot be 'x' (from --port): it must be a whole number from 0 to 65,535."),
        ({"host": "a b"}, "The setting host cannot be 'a b' (from --host): it must be a host name or an address."),
        ({"account": "12"}, "The setting account cannot be '12' (from --account): it must be 12 digits."),
        ({"log_level": "loud"}, "(from --log-level): it must be one of debug, info, warning, error."),
        ({"keyless": "perhaps"}, "(from --keyless): it must be true or false."),
        ({"queue_per_unit": 0}, "(from --queue-per-unit): it must be a whole number of 1 or more."),
        ({"threads_per_unit": -1}, "(from --threads-per-unit): it must be a whole number of 1 or more."),
        ({"rate_per_operation": 0}, "(from --rate-per-operation): it must be a number above 0 to 1,000,000."),
        ({"database": "mysql://x"}, "it must be a URL that begins with sqlite:/// or postgresql://."),
        ({"database": "mysql://me:secret@x"}, "cannot be 'mysql://…@x'"),
        ({"s3_secret_key": 7}, "The setting s3_secret_key cannot be what was given (from --s3-secret-key)"),
        ({"buckets": {"a": "/x"}}, "The setting buckets cannot be {'a': '/x'} (from --bucket): it must be NAME=PLACE"),
        ({"buckets": {"..x": "/x"}}, "it must be NAME=PLACE"),
        ({"buckets": {"folder:incoming": "/x"}}, "it must be NAME=PLACE"),
        ({"buckets": {"photos": "ftp://x"}}, "it must be NAME=PLACE"),
        ({"buckets": {"photos": ""}}, "it must be NAME=PLACE"),
        ({"prot": 1}, "There is no setting 'prot'; perhaps 'port' is meant."),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_name_origin_and_what_can_be(flags: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        load(flags)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "url",
    ["storage", "ftp://x", "http://", "http://u:p@x", "http://x/path", "http://x?q", "http://x#f", "http://a b", "http://x\n"],
)
def test_an_endpoint_is_a_host_and_nothing_else(url: str) -> None:
    with pytest.raises(InputError, match="The setting s3_endpoint cannot be"):
        load({"s3_endpoint": url})


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "https://storage.example.com/", "http://[::1]:9000"])
def test_an_endpoint_is_taken(url: str) -> None:
    assert load({"s3_endpoint": url}).s3_endpoint == url.rstrip("/")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"WALKAROUND_PORT": "x"}, "(from WALKAROUND_PORT)"),
        ({"WALKAROUND_BUCKETS": "photos"}, "The setting buckets cannot be 'photos' (from WALKAROUND_BUCKETS)"),
    ],
)
def test_a_wrong_variable_is_named(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        load(environment=environment)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "There is no setting 'prot' (in '{file}'); perhaps 'port' is meant."),
        ("[s3]\nendpoint = 'x'", "There is no setting 's3' (in '{file}')"),
        ("port = 'x'", "The setting port cannot be 'x' (in '{file}'): it must be a whole number"),
        ("port = true\nport = 1", "The settings file '{file}' is not TOML"),
        ("\xff", "is not TOML"),
        ("buckets = 'x'", "The setting buckets cannot be 'x' (in '{file}')"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "w.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        load(file=path)
    assert sentence.format(file=path) in str(caught.value)


def test_a_file_that_is_missing_is_told_if_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no settings file .*gone\.toml': check the path\."):
        load(file=tmp_path / "gone.toml")


def test_settings_are_fixed_and_keep_their_secret() -> None:
    settings = load({"s3_secret_key": "hush"})
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_making_settings_reads_no_environment() -> None:
    code = "from walkaround.settings import Settings; print(Settings().port)"
    made = subprocess.run(
        [sys.executable, "-c", code], env={"WALKAROUND_PORT": "1"}, capture_output=True, text=True, check=True
    )
    assert made.stdout == "8080\n"


def test_the_table_explains_every_setting_in_a_sentence() -> None:
    rows = setting_rows()
    assert [row.name for row in rows] == list(Settings.model_fields)
    for row in rows:
        assert row.meaning[0].isupper(), row
        assert row.meaning.endswith("."), row
        assert row.allowed
        assert not row.flag or row.flag == flag_of(row.name)


@pytest.mark.parametrize("row", setting_rows(), ids=lambda row: row.name)
def test_a_default_of_the_table_is_one_that_is_taken(row: Any) -> None:
    if row.default and row.name != "data":
        assert getattr(load({row.name: row.default}), row.name) == Settings.model_fields[row.name].default
