"""What a model is taken away with: its package as an archive, its card, calls to paste; and how it is hosted."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from made_models import BOX_PART, made_package
from served import Served
from walkaround.models.package import Package, read_package
from walkaround.web.snippets import Named, snippets_of
from walkaround.web.zipped import zip_parts


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return made_package(tmp_path_factory.mktemp("packages") / "taken", boxes=BOX_PART, kind=1)


@pytest.fixture(scope="module")
def taken(server: Served, package: Package) -> str:
    """The project of an imported model."""
    server.walkaround("import", str(package.path), "taken")
    return "taken"


def test_a_package_is_downloaded_whole(callers: Any, taken: str, package: Package, tmp_path: Path) -> None:
    answer = callers.read.get(f"/api/v1/projects/{taken}/models/latest/package")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    assert read_package(tmp_path / "taken-1").card == package.card


def test_a_card_is_told_as_it_is(callers: Any, taken: str, package: Package) -> None:
    told = callers.read.ok("GET", f"/projects/{taken}/models/1/card")
    assert told["card"] == json.loads((package.path / "card.json").read_text())


def test_what_is_not_trained_has_no_package(callers: Any, project: str) -> None:
    assert callers.read.problem("GET", f"/projects/{project}/models/1/package")[0] == 404
    assert callers.other.problem("GET", "/projects/taken/models/1/card")[0] == 404


def test_calls_have_the_real_names_and_no_secret(server: Served, callers: Any, taken: str) -> None:
    told = callers.manage.ok("GET", f"/projects/{taken}/models/latest/snippets")
    assert (told["url"], told["hosted"]) == (server.url, False)
    calls = {one["name"]: one["code"] for one in told["snippets"]}
    assert list(calls) == ["boto3", "AWS CLI", "curl", "Python"]
    for code in calls.values():
        assert server.url in code
        assert "taken" in code
        assert server.key.secret not in code
    assert f"{server.url}/api/v1/projects/taken/models/1/detect" in calls["curl"]
    elsewhere = callers.manage.ok("GET", f"/projects/{taken}/models/1/snippets", params={"url": "https://damage.example.com"})
    assert "https://damage.example.com" in elsewhere["snippets"][0]["code"]
    status, _ = callers.manage.problem("GET", f"/projects/{taken}/models/1/snippets", params={"url": 'https://a"; rm -rf'})
    assert status == 400


@pytest.mark.parametrize("keyless", [False, True])
def test_calls_are_programs(keyless: bool) -> None:
    named = Named(
        url="http://127.0.0.1:8080", region="eu-west-1", project="my-cars", version=3, endpoint="damage", keyless=keyless
    )
    made = snippets_of(named)
    assert [one.name for one in made][-1] == "SageMaker runtime"
    for one in made:
        if one.language == "python":
            ast.parse(one.code)
        else:
            subprocess.run(["sh", "-n", "-c", one.code], check=True)
        assert ("WALKAROUND_TOKEN" in one.code) <= (not keyless)


def test_a_call_of_plain_python_is_answered(server: Served, callers: Any, taken: str, tmp_path: Path, draw: Any) -> None:
    started = callers.manage.ok("POST", f"/projects/{taken}/models/1/start", json={"max_units": 2})
    assert '"done"' in callers.manage.get(f"/api/v1/jobs/{started['job']}/events").text
    calls = {one["name"]: one for one in callers.manage.ok("GET", f"/projects/{taken}/models/1/snippets")["snippets"]}
    (tmp_path / "car.jpg").write_bytes(draw(3))
    environment = {**server.variables_of_clients(), "WALKAROUND_TOKEN": server.key.bearer}
    for command in (["python3", "-c", calls["Python"]["code"]], ["sh", "-c", calls["curl"]["code"]]):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "damaged" in done.stdout or "whole" in done.stdout or '"anomalous"' in done.stdout
    hosting = callers.read.ok("GET", f"/projects/{taken}/models/1/hosting")
    assert hosting["units"] == {"least": 1, "most": 2, "desired": 1, "in_service": 1}
    assert (hosting["asked"]["requests"], hosting["asked"]["throttled"]) == (2, 0)
    assert hosting["asked"]["milliseconds"] > 0
    stopped = callers.manage.ok("POST", f"/projects/{taken}/models/1/stop")
    assert '"done"' in callers.manage.get(f"/api/v1/jobs/{stopped['job']}/events").text
    assert callers.read.ok("GET", f"/projects/{taken}/models/1/hosting")["units"] is None


def test_an_archive_is_sent_in_pieces_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "large.bin").write_bytes(bytes(range(256)) * 4_000)
    (tmp_path / "secret").write_text("no")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    parts = list(zip_parts(tmp_path / "in", name="some"))
    assert max(map(len, parts)) < 300_000
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.namelist() == ["some/deep/large.bin"]
        assert archive.testzip() is None
