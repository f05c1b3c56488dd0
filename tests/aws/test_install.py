"""Clients of today: the service model is put where boto3 looks, and variables lead it here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import boto3
import pytest

from walkaround.aws.install import client_environment, install_model, shell_lines
from walkaround.errors import InputError, StorageError


def test_a_current_boto3_has_the_client_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "lookoutvision" not in boto3.Session().get_available_services()
    installed = install_model()
    assert installed.written == ("service-2.json", "paginators-1.json")
    client = boto3.Session(region_name="eu-west-1").client("lookoutvision")
    assert len(client.meta.service_model.operation_names) == 22
    assert client.meta.endpoint_url == "https://lookoutvision.eu-west-1.amazonaws.com"
    assert {name for name in client.meta.method_to_api_mapping if client.can_paginate(name)} == {
        "list_projects",
        "list_models",
        "list_dataset_entries",
        "list_model_packaging_jobs",
    }
    assert issubclass(client.exceptions.ConflictException, client.exceptions.ClientError)
    assert client.waiter_names == []


def test_doing_it_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    first = install_model(tmp_path / "models")
    assert "Wrote service-2.json and paginators-1.json" in str(first)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    second = install_model(tmp_path / "models")
    assert (second.written, second.folder) == ((), first.folder)
    assert "already" in str(second)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_an_older_model_is_replaced(tmp_path: Path) -> None:
    folder = install_model(tmp_path).folder
    (folder / "service-2.json").write_text("{}")
    assert install_model(tmp_path).written == ("service-2.json",)
    assert [path.name for path in sorted(folder.iterdir())] == ["paginators-1.json", "service-2.json"]


@pytest.mark.parametrize(("parts", "expected"), [((), ".aws/models"), (("one", "two"), "one"), (("", "two"), "two")])
def test_the_folder_is_one_where_boto3_looks(
    parts: tuple[str, ...], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    variable = os.pathsep.join(str(tmp_path / part) if part else "" for part in parts)
    installed = install_model(environment={"AWS_DATA_PATH": variable})
    assert installed.folder == tmp_path / expected / "lookoutvision" / "2020-11-20"


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="lookoutvision"):
        install_model(tmp_path / "file")


def test_a_shell_reads_the_variables() -> None:
    place, odd = "http://127.0.0.1:8080/", "a'b c$d"
    variables = client_environment(place, region="eu-west-1", key_id="WALKKEY", secret=odd, s3_endpoint="http://127.0.0.1:8333")
    script = f"export AWS_SESSION_TOKEN=old\n{shell_lines(variables)}exec env -0"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/bin:/usr/bin"})
    found = dict(line.split("=", 1) for line in shown.stdout.split("\0") if line.startswith("AWS_"))
    assert found == variables
    assert found["AWS_ENDPOINT_URL_LOOKOUTVISION"] == "http://127.0.0.1:8080"


def test_without_a_key_there_are_placeholders_that_a_keyless_server_takes() -> None:
    variables = client_environment("https://inspect.example", region="us-east-1")
    assert variables["AWS_ACCESS_KEY_ID"] == variables["AWS_SECRET_ACCESS_KEY"] == "keyless"
    assert "AWS_ENDPOINT_URL_S3" not in variables


@pytest.mark.parametrize(
    ("endpoint", "region", "key_id"),
    [
        ("127.0.0.1:8080", "us-east-1", None),
        ("ftp://host", "us-east-1", None),
        ("http://", "us-east-1", None),
        ("http://host:port", "us-east-1", None),
        ("http://host/?a", "us-east-1", None),
        ("http://user@host", "us-east-1", None),
        ("http://a b", "us-east-1", None),
        ("http://host", "us east", None),
        ("http://host", "us-east-1", "WALKKEY"),
    ],
)
def test_what_cannot_be_is_refused(endpoint: str, region: str, key_id: str | None) -> None:
    with pytest.raises(InputError, match=r"is no address|is no region|both, or neither"):
        client_environment(endpoint, region=region, key_id=key_id)
