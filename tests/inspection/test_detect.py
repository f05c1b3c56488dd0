"""Whatever the sources are, results come in their order, and one that cannot be used stops no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from walkaround.damage.findings import Findings
from walkaround.errors import InputError, PackageError
from walkaround.inspection.detect import detect
from walkaround.inspection.detector import Detector
from walkaround.inspection.results import Refusal, VideoFindings

Save = Callable[[NDArray[np.uint8], Path], Path]
Cars = dict[str, list[NDArray[np.uint8]]]


@pytest.fixture
def yard(cars: Cars, clip: Path, save: Save, tmp_path: Path) -> Path:
    """Two cars, a video, a broken picture, a broken video, and a table."""
    yard = tmp_path / "yard"
    save(cars["normal"][0], yard / "a.png")
    save(cars["smash"][0], yard / "lot" / "e.png")
    (yard / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (yard / "c.mp4").write_bytes(clip.read_bytes())
    (yard / "d.mp4").write_bytes(clip.read_bytes()[:300])
    (yard / "labels.csv").write_text("image,label\n")
    return yard


def test_pictures_and_videos_come_in_order_and_broken_ones_stop_nothing(detector: Detector, yard: Path) -> None:
    results = list(detect(detector, [yard]))
    assert [type(result) for result in results] == [Findings, Refusal, VideoFindings, Refusal, Findings]
    assert [Path(result.source).name for result in results] == ["a.png", "b.jpg", "c.mp4", "d.mp4", "e.png"]
    verdicts = [r.anomalous if isinstance(r, Findings) else r.whole.anomalous for r in results if not isinstance(r, Refusal)]
    assert verdicts == [False, True, True]
    assert all(result.source in str(result.reason) for result in results if isinstance(result, Refusal))


def test_progress_counts_every_file(detector: Detector, yard: Path) -> None:
    seen: list[tuple[int, int]] = []
    results = list(detect(detector, [yard, yard / "a.png"], progress=lambda done, total: seen.append((done, total))))
    assert len(results) == 6
    assert seen == [(done, 7) for done in range(1, 8)]


def test_a_package_and_paths_may_be_names(detector: Detector, yard: Path) -> None:
    (found,) = detect(str(detector.package.path), str(yard / "a.png"), heat=True)
    assert isinstance(found, Findings)
    assert found.heat_map is not None


def test_results_come_before_all_sources_are_looked_at(detector: Detector, cars: Cars, save: Save, tmp_path: Path) -> None:
    paths = [save(cars["normal"][0], tmp_path / f"{n:02}.jpg") for n in range(12)]
    results = detect(detector, paths)
    next(results)
    paths[-1].unlink()
    assert [type(result) for result in results] == [Findings] * 10 + [Refusal]


@pytest.mark.parametrize(("frames", "rate"), [(0, None), (24, 0.0), (24, -1.0), (24, float("nan"))])
def test_what_can_never_work_is_refused_at_once(detector: Detector, frames: int, rate: float | None, yard: Path) -> None:
    with pytest.raises(InputError, match="ask for more than 0"):
        detect(detector, [yard], frames=frames, rate=rate)


def test_a_missing_package_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PackageError):
        detect(tmp_path / "absent", tmp_path)
