"""Server, pipeline and database killed while events come again and again: a short round of what `make soak` does at length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from postgres_server import postgres_programs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_arrival_has_one_row_and_is_once_in_every_sink(database: str) -> None:
    if database == "postgresql" and postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    command = [sys.executable, str(ROOT / "benchmarks" / "arrivals.py"), "--arrivals", "120", "--kills", "4", "--copies", "4"]
    command += ["--seed", "5"] + (["--postgres"] if database == "postgresql" else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["rows"] == report["totals"] == report["json"] == report["items"] == report["hooks"] == 120
    assert report["wrong"] == []
