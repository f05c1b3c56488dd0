"""The commands of the service: keys, and what leads AWS' clients here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from walkaround.settings import Settings
from walkaround.store.opening import database_of

Command = Callable[..., CompletedProcess[str]]


def made(command: Command, data: Path, *options: str) -> dict[str, str]:
    result = command("keys", "make", "--data", data, *options)
    assert result.returncode == 0, result.stderr
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_a_key_is_shown_once_and_listed_without_its_secret(command: Command, tmp_path: Path) -> None:
    key = made(command, tmp_path, "--role", "detect", "--note", "the gate")
    assert set(key) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "WALKAROUND_TOKEN"}
    listed = command("keys", "list", "--data", tmp_path).stdout
    assert key["AWS_ACCESS_KEY_ID"] in listed
    assert "detect" in listed
    assert "the gate" in listed
    assert key["AWS_SECRET_ACCESS_KEY"] not in listed
    assert key["WALKAROUND_TOKEN"] not in listed


def test_where_there_is_no_key_the_way_to_one_is_told(command: Command, tmp_path: Path) -> None:
    with closing(database_of(Settings(data=tmp_path))) as database:
        database.migrate()
    result = command("keys", "list", "--data", tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    assert f"There is no access key in the data folder {str(tmp_path)!r}: make one with `walkaround keys make`" in result.stderr


def test_a_revoked_key_is_listed_as_such_and_gives_no_variables(command: Command, tmp_path: Path) -> None:
    name = made(command, tmp_path)["AWS_ACCESS_KEY_ID"]
    assert "AWS_SECRET_ACCESS_KEY" in command("aws", "env", "--key-id", name, "--data", tmp_path).stdout
    assert command("keys", "revoke", name, "--data", tmp_path).returncode == 0
    assert "revoked" in command("keys", "list", "--data", tmp_path).stdout
    result = command("aws", "env", "--key-id", name, "--data", tmp_path)
    assert (result.returncode, "no usable access key" in result.stderr) == (1, True)


def test_of_several_keys_one_has_to_be_named(command: Command, tmp_path: Path) -> None:
    names = {made(command, tmp_path)["AWS_ACCESS_KEY_ID"] for _ in range(2)}
    result = command("aws", "env", "--data", tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert "There are 2 access keys: say with --key-id which one" in result.stderr
    command("keys", "revoke", names.pop(), "--data", tmp_path)
    assert f"AWS_ACCESS_KEY_ID={names.pop()}\n" in command("aws", "env", "--data", tmp_path).stdout


def test_the_variables_lead_to_the_address_of_the_settings(command: Command, tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text("port = 9001\nregion = 'eu-west-1'\n")
    said = command("aws", "env", "--config", tmp_path / "w.toml", "--data", tmp_path).stdout
    assert "export AWS_ENDPOINT_URL_LOOKOUTVISION=http://127.0.0.1:9001\n" in said
    assert "export AWS_REGION=eu-west-1\n" in said


def test_the_service_model_is_put_where_it_is_asked_for(command: Command, tmp_path: Path) -> None:
    result = command("aws", "install-model", "--folder", tmp_path)
    assert result.returncode == 0
    assert (tmp_path / "lookoutvision" / "2020-11-20" / "service-2.json").is_file()


def test_what_cannot_be_is_told_in_a_sentence(command: Command, tmp_path: Path) -> None:
    for words, said in (
        (("keys", "make", "--role", "root"), "'root' is no role"),
        (("keys", "revoke", "WALKX"), "There is no access key 'WALKX'"),
    ):
        result = command(*words, "--data", tmp_path)
        assert (result.returncode, said in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--max-body", "many"], 1, "max_body cannot be 'many' (from --max-body)"),
        (["--images-train=0"], 1, "images_train cannot be"),
        (["--max-boddy", "1"], 2, "no option '--max-boddy'"),
        (["--max-body"], 2, "--max-body needs a value"),
        (["--s3-secret-key", "x"], 2, "no option '--s3-secret-key'"),
    ],
)
def test_every_setting_but_a_secret_is_a_flag_of_serve(command: Command, words: list[str], code: int, said: str) -> None:
    result = command("serve", *words)
    assert result.returncode == code
    assert said in " ".join(result.stderr.replace("│", " ").split())
