"""The server as a process: its beginning, its end, and what keeps it from starting."""

from __future__ import annotations

import json
import re
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from served import Served
from walkaround.hosting.pool.counters import Units

Command = Callable[..., CompletedProcess[str]]


def test_the_address_the_way_to_a_key_and_the_link_to_begin_with_are_told(server: Served) -> None:
    greetings = [line for line in server.log.read_text().splitlines() if not line.startswith("{")]
    assert greetings[0] == (
        f"walkaround answers at {server.url}; keys are made with `walkaround keys make`; data in {str(server.data)!r}."
    )
    link = rf"Open {server.url}/console/setup#[\w-]{{32}} to make the first user; the link works once\."
    assert re.fullmatch(link, greetings[1])
    assert len(greetings) == 2


def test_a_second_server_on_the_same_data_is_refused(server: Served, command: Command) -> None:
    result = command("serve", "--data", server.data, "--port", 0)
    assert result.returncode == 1
    assert f"A server runs on the data folder {str(server.data)!r} already" in result.stderr


def test_a_port_in_use_is_told(server: Served, command: Command, tmp_path: Path) -> None:
    port = urlsplit(server.url).port
    result = command("serve", "--data", tmp_path, "--port", port)
    assert result.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use by another program: choose another with --port." in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0", "--keyless"], "may only listen on a loopback address"),  # noqa: S104 - that is refused
        (["--host", "203.0.113.9"], "Cannot listen on '203.0.113.9'"),
        (["--bucket", "photos"], "'photos' is not NAME=PLACE"),
        (["--bucket", "my photos=/tmp"], "'my photos' is no name of a bucket"),
        (["--bucket", "photos=s4://x"], "'s4://x' cannot be the place of 'photos'"),
        (["--bucket", f"photos={__file__}"], "which is not a folder: correct --bucket"),
        (["--log-level", "loud"], "The setting log_level cannot be 'loud'"),
        (["--database", "mysql://x"], "database"),
        (["--config", "/nowhere/walkaround.toml"], "There is no settings file"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(command: Command, tmp_path: Path, options: list[str], said: str) -> None:
    result = command("serve", "--data", tmp_path / "data", "--port", 0, *options)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bucket_whose_folder_is_missing_is_told_at_the_start(tmp_path: Path) -> None:
    served = Served(folder=tmp_path, buckets={"photos": tmp_path / "phtos"}, variables={"WALKAROUND_KEYLESS": "true"})
    served.start()
    assert served.stop() == 0
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    told = [line["message"] for line in lines if line["level"] == "warning"]
    assert told == [
        f"The bucket 'photos' is the folder {str(tmp_path / 'phtos')!r}, which does not exist: mend that, or correct --bucket."
    ]


def test_a_request_in_flight_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    served = Served(folder=tmp_path, variables={"WALKAROUND_KEYLESS": "true"})
    served.start()
    answers: list[int] = []

    def slowly() -> None:
        def parts() -> Any:
            yield b'{"name":'
            time.sleep(1.5)
            yield b'"slow"}'

        headers = {"content-type": "application/json"}
        answers.append(httpx.post(f"{served.url}/api/v1/projects", content=parts(), headers=headers, timeout=30).status_code)

    sender = threading.Thread(target=slowly)
    sender.start()
    time.sleep(0.7)
    assert served.stop() == 0
    sender.join(20)
    assert answers == [201]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/healthz")
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    assert [line["level"] for line in lines if line["level"] not in ("info", "debug")] == []


def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    served = Served(folder=tmp_path, variables={"WALKAROUND_KEYLESS": "true"})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, hard))
    try:
        served.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        lines = Path(f"/proc/{served.pid}/limits").read_text().splitlines()
    finally:
        served.stop()
    assert next(line for line in lines if line.startswith("Max open files")).split()[3] == str(hard)


def test_health_and_readiness_need_no_key(server: Served) -> None:
    assert httpx.get(f"{server.url}/healthz").json() == {"status": "alive"}
    assert httpx.get(f"{server.url}/readyz").json() == {"ready": True, "database": "ok", "data": "ok", "models": "ok"}


def test_a_server_whose_models_do_not_answer_says_how_many_and_to_nobody_which(
    talk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def conversation(client: Any, app: Any) -> None:
        units = {("account", "region", "secret", "1"): Units(least=1, most=1, desired=1, in_service=0)}
        monkeypatch.setattr(app.service.pool, "units", lambda: units)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["models"] == "No inference unit answers yet for 1 of 1 hosted models: see the log."

    talk(conversation)


def test_a_server_that_cannot_write_is_alive_and_not_ready(talk: Callable[..., None]) -> None:
    async def conversation(client: Any, app: Any) -> None:
        (app.service.settings.data / "buckets").write_text("a file in the place of the folder")
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"], answer.json()["database"]) == (503, False, "ok")
        assert "buckets" in answer.json()["data"]

    talk(conversation)
