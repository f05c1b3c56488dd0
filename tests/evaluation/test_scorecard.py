from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from walkaround.damage.findings import Findings
from walkaround.datasets.sample import Sample
from walkaround.errors import PictureError, StorageError
from walkaround.evaluation.measure import Evaluation, measure
from walkaround.evaluation.mistakes import find_mistakes, shares
from walkaround.evaluation.scorecard import as_json, write_html

EVIL = '</script><script>alert("1")</script>'
VOID = {"meta", "input", "img", "br"}


class Page(HTMLParser):
    """Checks that tags close in order, and collects what matters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def made(folder: Path, n: int, classes: Sequence[str] = ("normal", "anomaly"), *, wrong: float = 0.3) -> Evaluation:
    """An evaluation of `n` drawn pictures, of which about the share `wrong` is judged wrongly; the first is unreadable."""
    rng = np.random.default_rng(5)
    pictures: dict[Path, Findings | PictureError] = {}
    samples = []
    for i in range(n):
        path, truth = folder / f"<script>alert({i})<b>.jpg", classes[i % len(classes)]
        noise = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((400, 300)).save(path)
        seems_damaged = (truth != "normal") != (rng.random() < wrong)
        label = str(rng.choice([name for name in classes if (name != "normal") == seems_damaged]))
        damage = float(rng.uniform(0.5, 1) if seems_damaged else rng.uniform(0, 0.49))
        pictures[path] = Findings(
            source=str(path),
            anomalous=seems_damaged,
            confidence=max(damage, 1 - damage),
            label=label,
            damage=damage,
            probabilities={label: 0.9},
            width=400,
            height=300,
            heat_map=rng.random((10, 10), dtype=np.float32),
        )
        samples.append(Sample(path=path, label=truth))
    pictures[samples[0].path] = PictureError(f"{EVIL} is cut off; send it again.")
    return measure(lambda paths: [pictures[path] for path in paths], samples, classes=classes, normal={"normal"}, threshold=0.5)


def written(folder: Path, evaluation: Evaluation, pictures: int = 24) -> str:
    write_html(folder / "card.html", evaluation, title=EVIL, facts={"Package": EVIL}, pictures=pictures)
    return (folder / "card.html").read_text(encoding="utf-8")


def test_json_is_plain_complete_and_has_no_nan(tmp_path: Path) -> None:
    card = json.loads(json.dumps(as_json(made(tmp_path, 40), {"date": "2025-07-14"}), allow_nan=False))
    for name in ("accuracy", "precision", "recall", "f1", "auroc", "average_precision"):
        low, high = card["intervals"][name]
        assert low <= card[name] <= high
    assert (card["n"], card["macro_f1"], card["facts"]) == (39, None, {"date": "2025-07-14"})
    assert np.sum(card["confusion"]["matrix"]) == 39
    assert card["unreadable"][0]["message"].endswith("send it again.")
    assert len(card["curves"]["roc"]["recall"]) <= 200


@pytest.mark.parametrize("classes", [("normal", "anomaly"), ("normal", EVIL, "dent", "scratch", "glass_shatter")])
def test_the_page_is_well_formed_and_runs_nothing_of_strangers(tmp_path: Path, classes: tuple[str, ...]) -> None:
    text = written(tmp_path, made(tmp_path, 50, classes))
    page = Page(text)
    assert len(page.all("script")) == 2
    assert "alert(" in page.text
    assert "<script>alert" not in text
    assert not re.search(r"(src|href)=\"(?!data:image/jpeg)", text)
    assert "http:" not in text
    assert "https:" not in text


def test_the_policy_names_the_script_of_the_page(tmp_path: Path) -> None:
    text = written(tmp_path, made(tmp_path, 20))
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_24_mistakes_stay_under_3_megabytes(tmp_path: Path) -> None:
    text = written(tmp_path, made(tmp_path, 60, wrong=0.9))
    assert len(Page(text).all("img")) == 48
    assert len(text) < 3_000_000


def test_photographs_can_be_left_out_and_carry_no_metadata(tmp_path: Path) -> None:
    evaluation = made(tmp_path, 20)
    assert Page(written(tmp_path, evaluation, pictures=0)).all("img") == []
    first = Page(written(tmp_path, evaluation)).all("img")[0]["src"] or ""
    assert b"Exif" not in base64.b64decode(first.split(",")[1])


def test_a_picture_that_is_gone_is_told_instead_of_shown(tmp_path: Path) -> None:
    evaluation = made(tmp_path, 20)
    shown = len(Page(written(tmp_path, evaluation)).all("img"))
    find_mistakes(evaluation).missed[0].path.unlink()
    assert len(Page(written(tmp_path, evaluation)).all("img")) == shown - 2


@pytest.mark.parametrize("n", [1, 2])
def test_hardly_any_picture_still_makes_a_page(tmp_path: Path, n: int) -> None:
    assert "What was left out" in Page(written(tmp_path, made(tmp_path, n))).text


def test_everything_can_be_read_without_seeing_it(tmp_path: Path) -> None:
    page = Page(written(tmp_path, made(tmp_path, 50)))
    assert page.all("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))
    assert all(head.get("scope") for head in page.all("th"))
    assert len(page.all("h1")) == 1


def test_mistakes_come_surest_first_and_by_kind(tmp_path: Path) -> None:
    mistakes = find_mistakes(made(tmp_path, 80, ("normal", "dent", "scratch")))
    missed = [row.findings.damage for row in mistakes.missed]
    false_alarms = [row.findings.damage for row in mistakes.false_alarms]
    assert missed == sorted(missed)
    assert false_alarms == sorted(false_alarms, reverse=True)
    assert all(row.truth != row.findings.label and row.findings.anomalous for row in mistakes.misnamed)
    assert min(len(missed), len(false_alarms), len(mistakes.misnamed)) > 0


@pytest.mark.parametrize(
    ("counts", "places", "expected"),
    [([5, 5], 4, [2, 2]), ([1, 9], 6, [1, 5]), ([0, 2, 50], 24, [0, 2, 22]), ([3, 3], 24, [3, 3]), ([3], 0, [0])],
)
def test_places_are_shared_evenly(counts: list[int], places: int, expected: list[int]) -> None:
    assert shares(counts, places) == expected


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    evaluation = made(tmp_path, 4)
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken"):
        write_html(tmp_path / "taken", evaluation, title="t", facts={})
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to run the script of the page")
def test_the_slider_counts_again_in_a_browser(tmp_path: Path) -> None:
    evaluation, threshold = made(tmp_path, 40), 0.8
    moved = written(tmp_path, evaluation).replace('value="0.5"', f'value="{threshold}"')
    (tmp_path / "moved.html").write_text(moved, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--dump-dom"]
    command = ["chromium", *options, f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "moved.html").as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    alarms = [row for row in evaluation.rows if row.findings.damage >= threshold]
    hits = sum(row.truth != "normal" for row in alarms)
    assert f"<small> {hits} of {len(alarms)}</small>" in dom
    assert f'id="at" for="slider">{threshold:.3f}<' in dom
